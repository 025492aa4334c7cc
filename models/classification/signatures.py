"""What a classifier of images answers: one class for each."""

from tfrecvis.models.answers import classifier_signature
from tfrecvis.models.signature import image_spec


def signatures(model, from_logits=True):
    """The signatures of a model that gives every image a class.

    `serving_default` takes `images`, uint8 `(batch, height, width, channels)`, 0-255,
    and answers with `labels`, int32 `(batch,)`, and `probabilities`, float32 `(batch,
    classes)`.

    Args:
        model: Keras model of images `(batch, height, width, channels)` to `(batch,
            classes)`.
        from_logits: Boolean; whether the model gives logits, as those of
            `tfrecvis.models` do, or probabilities.

    Returns:
        List of one `tfrecvis.models.Signature`.

    Raises:
        ValueError: the model does not give each image one of several classes.

    Example:

    >>> from tfrecvis.models import ImageClassifier
    >>> model = ImageClassifier(10, "grid", 8, patch_size=7, dense_units=(16,))
    >>> signatures(model)[0].inputs["images"].axes
    ('batch', 28, 28, 1)
    """
    inputs = {"images": image_spec(model)}
    return [classifier_signature(model, inputs, ("batch",), from_logits)]
