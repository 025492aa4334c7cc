"""Losses that are terms of a model with the truth among its inputs."""

import keras


class LossTerms(keras.layers.Layer):
    """Adds named scalars to the loss of its model, and tells their means.

    Detectors answer with detections, so the loss is made inside the model that `fit`
    trains, from the truth among its inputs. Under JAX no mean is told: there, metrics
    cannot change while a layer is called.
    """

    def __init__(self, names, **kwargs):
        super().__init__(autocast=False, **kwargs)
        told = names if keras.backend.backend() == "tensorflow" else ()
        self.means = [keras.metrics.Mean(name=name) for name in told]

    def added(self, terms):
        for term in terms:
            self.add_loss(term)
        for mean, term in zip(self.means, terms, strict=False):
            mean.update_state(term)
        return sum(terms)

    def compute_output_spec(self, *args, **kwargs):
        return keras.KerasTensor((), "float32")


def with_truth(model):
    """What the trained form of a detector takes: its own inputs, boxes and classes.

    Args:
        model: A detector of images, or of a dict of `images` and `regions`.

    Returns:
        Dict of Keras inputs: those of the detector, `boxes` `(batch, boxes, 4)` and
        `classes` `(batch, boxes)`, int32.

    Example:

    >>> images = keras.Input((None, None, 3), name="images")
    >>> sorted(with_truth(keras.Model(images, images)))
    ['boxes', 'classes', 'images']
    """
    own = model.input if isinstance(model.input, dict) else {"images": model.inputs[0]}
    return {
        **own,
        "boxes": keras.Input((None, 4), name="boxes"),
        "classes": keras.Input((None,), dtype="int32", name="classes"),
    }
