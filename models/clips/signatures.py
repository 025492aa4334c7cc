"""What a classifier of clips answers: one class for each."""

import keras

from tfrecvis.models.answers import classifier_signature
from tfrecvis.models.clips.answers import clip_probabilities, real_frames
from tfrecvis.models.signature import Spec, input_axes


def signatures(model):
    """The signatures of a model that gives every frame of a clip a class.

    `serving_default` takes `clips`, uint8 `(batch, frames, height, width, 3)`, RGB,
    0-255, shorter clips filled up with zeros, and answers with `labels`, int32
    `(batch,)`, and `probabilities`, float32 `(batch, classes)`: the mean over the
    frames of each clip, without those that fill it up; see `clip_probabilities`.

    Args:
        model: Keras model of clips `(batch, frames, height, width, 3)` to logits
            `(batch, frames, classes)`.

    Returns:
        List of one `tfrecvis.models.Signature`.

    Raises:
        ValueError: the model does not give each frame of a clip one of several classes.

    Example:

    >>> from tfrecvis.models import ClipClassifier
    >>> model = ClipClassifier(6, backbone_filters=(4,), backbone_blocks=(0,),
    ...                        feature_units=8, units=4, input_shape=(16, 16, 3))
    >>> signatures(model)[0].inputs["clips"].axes
    ('batch', 'frames', 16, 16, 3)
    """
    ranks = [len(tensor.shape) for tensor in (*model.inputs, *model.outputs)]
    if ranks != [5, 3]:
        raise ValueError(
            "`model` must take (batch, frames, height, width, 3) and give (batch, "
            "frames, classes). Received: a model of inputs "
            f"{[tuple(tensor.shape) for tensor in model.inputs]} and outputs "
            f"{[tuple(tensor.shape) for tensor in model.outputs]}."
        )
    axes = input_axes(
        model.inputs[0], ("batch", "frames", "height", "width", "channels")
    )
    inputs = {"clips": Spec(axes, "uint8", what="frames of RGB, 0-255; zeros: padding")}
    clips = keras.Input(batch_shape=model.inputs[0].shape, name="clips")
    whole = keras.Model(clips, clip_probabilities(model(clips), real_frames(clips)))
    return [classifier_signature(whole, inputs, ("batch",), from_logits=False)]
