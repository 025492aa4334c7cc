"""From the raw outputs of classifiers to answers, the same way everywhere.

Losses take raw outputs; the scores of a training, `evaluate`, `predict` and every
exported artefact take what these functions make of them.
"""

from functools import partial

from keras import ops

from tfrecvis.models.comparison import compare_probabilities
from tfrecvis.models.signature import Signature, Spec
from tfrecvis.ops.likeliest import likeliest


def most_likely(outputs, from_logits=True, decision="labels"):
    """The likeliest class, and the probabilities of all classes, of the last axis.

    Args:
        outputs: Tensor `(..., classes)`, or a dict that holds it as `"logits"`.
        from_logits: Boolean; whether these are logits, or probabilities already.
        decision: String, the name of the class numbers in the answer.

    Returns:
        Dict: the decision, int32 `(...)`, of equals the lowest; `"probabilities"`,
        float32 `(..., classes)`.

    Example:

    >>> answer = most_likely(ops.convert_to_tensor([[0.0, 2.0]]))
    >>> int(answer["labels"][0]), round(float(answer["probabilities"][0, 1]), 2)
    (1, 0.88)
    """
    outputs = outputs["logits"] if isinstance(outputs, dict) else outputs
    outputs = ops.cast(outputs, "float32")
    return {
        decision: likeliest(outputs),
        "probabilities": ops.softmax(outputs) if from_logits else outputs,
    }


def classifier_signature(model, inputs, axes, from_logits=True, decision="labels"):
    """The signature of a model whose every position gets one of several classes.

    Args:
        model: Keras model to `(*axes, classes)`, or to a dict that holds it as
            `"logits"`.
        inputs: Dict of names to `Spec`, in the order of the model's inputs.
        axes: Tuple of the names of the output's axes before the classes.
        from_logits: Boolean; whether the model gives logits, or probabilities.
        decision: String, the name of the class numbers in the answer.

    Raises:
        ValueError: the model has not as many inputs, or not one output of two classes
            or more.
    """
    shape = _output_shape(model)
    if len(model.inputs) != len(inputs):
        raise ValueError(
            f"`model` must take {len(inputs)} input(s): {', '.join(inputs)}. Received: "
            f"a model of {len(model.inputs)} inputs."
        )
    if len(shape) != len(axes) + 1 or shape[-1] is None or shape[-1] < 2:
        raise ValueError(
            f"`model` must give ({', '.join(axes)}, classes), for two classes or more. "
            f"Received: a model that gives {shape}. A model of one sigmoid needs "
            "a second class."
        )
    return Signature(
        "serving_default",
        model,
        partial(
            _answer, order=tuple(inputs), from_logits=from_logits, decision=decision
        ),
        inputs,
        {
            decision: Spec(axes, "int32"),
            "probabilities": Spec((*axes, int(shape[-1])), "float32"),
        },
        compare=partial(compare_probabilities, decision=decision),
    )


def _output_shape(model):
    # `output_shape` forgets the names of a dict; a Sequential has no `output`.
    output = getattr(model, "output", None)
    if isinstance(output, dict) and "logits" in output:
        return tuple(output["logits"].shape)
    if not isinstance(model.output_shape, tuple):
        raise ValueError(
            "`model` must have one output, or a dict of outputs with the key 'logits'. "
            f"Received: outputs of shapes {model.output_shape}. Use a "
            "keras.Model(model.input, output) of the one that matters."
        )
    return model.output_shape


def _answer(model, /, *, order, from_logits, decision, **inputs):
    values = [
        ops.cast(inputs[name], tensor.dtype)
        for name, tensor in zip(order, model.inputs, strict=True)
    ]
    outputs = model(values[0] if len(values) == 1 else values, training=False)
    return most_likely(outputs, from_logits, decision)
