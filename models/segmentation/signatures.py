"""What a segmentation model answers: a label for every pixel."""

from tfrecvis.models.answers import classifier_signature
from tfrecvis.models.signature import image_spec

AXES = ("batch", "height", "width")


def signatures(model, from_logits=True):
    """The signatures of a segmentation model.

    `serving_default` takes `images`, uint8 `(batch, height, width, channels)`, RGB,
    0-255, and answers with `labels`, int32 `(batch, height, width)`, and
    `probabilities`, float32 `(batch, height, width, classes)`.

    Args:
        model: Keras model of images `(batch, height, width, channels)` to `(batch,
            height, width, classes)`.
        from_logits: Boolean; whether the model gives logits, as those of
            `tfrecvis.models` do, or probabilities.

    Returns:
        List of one `tfrecvis.models.Signature`, for `tfrecvis.export.export_model`.

    Raises:
        ValueError: the model does not label the pixels of images.

    Example:

    >>> from tfrecvis.models import ReSeg
    >>> model = ReSeg(3, backbone_filters=(8, 16), backbone_blocks=(0, 0))
    >>> signatures(model)[0].outputs["probabilities"].shape
    (None, None, None, 3)
    """
    inputs = {"images": image_spec(model)}
    return [classifier_signature(model, inputs, AXES, from_logits)]
