"""Signatures as traced functions, and as graphs without variables."""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from tfrecvis.export.errors import ExportError


def float32_model(model):
    """Returns `model`, or its twin that computes in float32 if it does not.

    A mixed-precision model keeps its weights in float32, so nothing is lost; LiteRT
    and ONNX Runtime have no half-precision kernels for most operators on a CPU.

    Example:

    >>> import keras
    >>> images = keras.Input((None, None, 3))
    >>> layer = keras.layers.Conv2D(2, 1, dtype="mixed_bfloat16")
    >>> float32_model(keras.Model(images, layer(images))).compute_dtype
    'float32'
    """
    layers = model._flatten_layers()
    if all(layer.compute_dtype in ("float32", None) for layer in layers):
        return model
    config = _in_float32(keras.saving.serialize_keras_object(model))
    twin = keras.saving.deserialize_keras_object(config)
    twin.set_weights(model.get_weights())
    return twin


def _in_float32(config):
    # A layer's "dtype" is a policy's name or its serialized form.
    if isinstance(config, dict):
        if config.get("class_name") in ("DTypePolicy", "FloatDTypePolicy"):
            return "float32"
        return {
            key: "float32"
            if key == "dtype" and value in _HALVES
            else _in_float32(value)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return type(config)(_in_float32(value) for value in config)
    return config


_HALVES = ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16")


@contextlib.contextmanager
def without_cudnn(model):
    """Keeps Keras' recurrent layers in `model` off cuDNN while they are traced.

    An artefact with a cuDNN operator does not run on a server without a GPU.
    """
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]
    before = [layer.use_cudnn for layer in layers]
    try:
        for layer in layers:
            layer.use_cudnn = False
        yield
    finally:
        for layer, use_cudnn in zip(layers, before, strict=True):
            layer.use_cudnn = use_cudnn


def trace(signature, sizes=None):
    """Returns the concrete function of a signature, whose inputs go by name.

    Args:
        signature: A `tfrecvis.models.Signature`.
        sizes: Dict of sizes for open axes; those that it does not name stay open.

    Example:

    >>> from tfrecvis.models import SequenceTagger, sequences
    >>> (signature,) = sequences.signatures(SequenceTagger(11, units=4, depth=2))
    >>> trace(signature, {"steps": 5}).structured_input_signature[1]["tokens"].shape
    TensorShape([None, 5])
    """
    specs = {
        name: tf.TensorSpec(spec.bound(sizes or {}).shape, spec.dtype, name=name)
        for name, spec in signature.inputs.items()
    }
    function = tf.function(
        lambda **inputs: signature(**inputs), autograph=False, jit_compile=False
    )
    with without_cudnn(signature.model):
        concrete = function.get_concrete_function(**specs)
    check_no_cudnn(concrete)
    given = sorted(concrete.structured_outputs)
    if given != sorted(signature.outputs):
        raise ValueError(
            f"The function of {signature.name} must give {', '.join(signature.outputs)}"
            f", as its `outputs` say. Received: {', '.join(given)}."
        )
    for name, spec in signature.outputs.items():
        tensor = concrete.structured_outputs[name]
        if tensor.dtype.name != spec.dtype or not tensor.shape.is_compatible_with(
            spec.shape
        ):
            raise ValueError(
                f"The function of {signature.name} must give {name} as {spec.dtype} "
                f"{spec.shape}, as its `outputs` say. Received: {tensor.dtype.name} "
                f"{tuple(tensor.shape) if tensor.shape.rank is not None else 'any'}."
            )
    return concrete


def check_no_cudnn(concrete):
    """Raises an `ExportError` if a traced function holds a cuDNN operator."""
    definition = concrete.graph.as_graph_def()
    nodes = [*definition.node]
    for function in definition.library.function:
        nodes += function.node_def
    found = sorted({node.op for node in nodes if "cudnn" in node.op.lower()})
    if found:
        raise ExportError(
            f"The model's graph holds the operators {', '.join(found)}, which run on "
            "an NVIDIA GPU only. Build its recurrent layers with use_cudnn=False."
        )


def write_frozen(concretes, directory):
    """Writes traced functions as a SavedModel whose variables are constants.

    Converters read this folder: LiteRT cannot read a variable inside a loop.

    Args:
        concretes: Dict of a signature's name to its concrete function.
        directory: Path.
    """
    signatures = {name: _frozen(concrete) for name, concrete in concretes.items()}
    tf.saved_model.save(
        tf.Module(),
        str(directory),
        signatures=signatures,
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )


def _frozen(concrete):
    specs = concrete.structured_input_signature[1]
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    order = [tensor.op.name for tensor in frozen.inputs]
    # Freezing drops the outputs' names; they come back in the order of the outputs.
    names = sorted(concrete.structured_outputs)

    def answer(**inputs):
        values = frozen(*(inputs[name] for name in order))
        return dict(zip(names, tf.nest.flatten(values), strict=True))

    return tf.function(answer, autograph=False).get_concrete_function(**specs)


def reference_answers(concrete, inputs, batch_size):
    """Returns what a traced signature answers, computed on the CPU.

    A GPU may multiply in TF32, which moves probabilities by more than the tolerance of
    a float32 artefact.

    Args:
        concrete: Concrete function, as `trace` makes it.
        inputs: Dict of arrays with a batch axis.
        batch_size: Integer, entries per call.

    Returns:
        Dict of arrays.
    """
    count = len(next(iter(inputs.values())))
    batches = []
    with tf.device("/CPU:0"):
        for start in range(0, count, batch_size):
            batch = {
                name: tf.constant(value[start : start + batch_size])
                for name, value in inputs.items()
            }
            answer = concrete(**batch)
            batches.append({name: value.numpy() for name, value in answer.items()})
    return {
        name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]
    }
