"""What a model on superpixels answers: a label for every node."""

from tfrecvis.models.answers import classifier_signature
from tfrecvis.models.signature import Spec, input_axes

_AXES = {
    "features": ("batch", "nodes", "features"),
    "neighbours": ("batch", "nodes", "neighbours"),
    "confidence": ("batch", "nodes"),
    "mask": ("batch", "nodes"),
}


def signatures(model, from_logits=True):
    """The signatures of a model that gives every node of a graph a class.

    `serving_default` takes `features`, float32 `(batch, nodes, features)`,
    `neighbours`, int32 `(batch, nodes, neighbours)`, padded with -1, `confidence`,
    float32 `(batch, nodes)`, and `mask`, bool `(batch, nodes)`. It answers with
    `labels`, int32 `(batch, nodes)`, and `probabilities`, float32 `(batch, nodes,
    classes)`; those of masked nodes say nothing.

    Args:
        model: Keras model of these inputs to `(batch, nodes, classes)`.
        from_logits: Boolean; whether the model gives logits, as those of
            `tfrecvis.models` do, or probabilities.

    Returns:
        List of one `tfrecvis.models.Signature`.

    Raises:
        ValueError: the model takes other inputs, or does not label nodes.

    Example:

    >>> from tfrecvis.models import SuperpixelLabeller
    >>> list(signatures(SuperpixelLabeller(4, num_features=5, units=8))[0].inputs)
    ['features', 'neighbours', 'confidence', 'mask']
    """
    names = [tensor.name for tensor in model.inputs]
    if names != list(_AXES):
        raise ValueError(
            f"`model` must take the inputs {', '.join(_AXES)}. Received: a model that "
            f"takes {', '.join(names)}."
        )
    inputs = {
        tensor.name: Spec(input_axes(tensor, _AXES[tensor.name]), tensor.dtype)
        for tensor in model.inputs
    }
    return [classifier_signature(model, inputs, ("batch", "nodes"), from_logits)]
