"""What a sequence model answers: a token for every step."""

from tfrecvis.models.answers import classifier_signature
from tfrecvis.models.signature import Spec, input_axes


def signatures(model, from_logits=True):
    """The signatures of a model that gives every step of a sequence a token.

    `serving_default` takes `tokens`, int32 `(batch, steps)`, and answers with `labels`,
    int32 `(batch, steps)`, the token of each step, and `probabilities`, float32
    `(batch, steps, tokens)`.

    Args:
        model: Keras model of tokens `(batch, steps)` to `(batch, steps, tokens)`.
        from_logits: Boolean; whether the model gives logits, as those of
            `tfrecvis.models` do, or probabilities.

    Returns:
        List of one `tfrecvis.models.Signature`.

    Raises:
        ValueError: the model does not give each step one of several tokens.

    Example:

    >>> from tfrecvis.models import SequenceTagger
    >>> signatures(SequenceTagger(11, units=4, depth=2))[0].inputs["tokens"].axes
    ('batch', 'steps')
    """
    axes = ("batch", "steps")
    inputs = {"tokens": Spec(input_axes(model.inputs[0], axes), "int32")}
    return [classifier_signature(model, inputs, axes, from_logits)]
