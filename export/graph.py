"""The function that every artefact computes, and its graph without variables."""

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


def raw_outputs(model, images):
    """Returns what `model` puts out for `images`, as one float32 tensor."""
    outputs = model(tf.cast(images, model.inputs[0].dtype), training=False)
    outputs = outputs["logits"] if isinstance(outputs, dict) else outputs
    return tf.cast(outputs, tf.float32)


def prediction_function(model, from_logits):
    """Returns `images -> {"labels", "probabilities"}`, to be traced.

    Args:
        model: Keras model, `(batch, height, width, channels)` to `(..., classes)`.
        from_logits: Boolean, whether the model puts out logits or probabilities.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> images = keras.Input((None, None, 3))
    >>> model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    >>> predict = prediction_function(model, from_logits=True)
    >>> sorted(predict(np.zeros((1, 4, 6, 3), "uint8")))
    ['labels', 'probabilities']
    """

    def predict(images):
        outputs = raw_outputs(model, images)
        return {
            "labels": tf.argmax(outputs, axis=-1, output_type=tf.int32),
            "probabilities": tf.nn.softmax(outputs) if from_logits else outputs,
        }

    return predict


def image_spec(model, image_size=None):
    """Returns the tensor spec of `model`'s images: uint8, any batch.

    Args:
        model: Keras model.
        image_size: `(height, width)` in pixels; None leaves open what the model
            leaves open.
    """
    height, width, channels = model.input_shape[1:]
    if image_size is not None:
        height, width = image_size
    return tf.TensorSpec((None, height, width, channels), tf.uint8, name="images")


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


def trace(model, from_logits, image_size=None):
    """Returns the concrete function of a model's predictions."""
    function = tf.function(
        prediction_function(model, from_logits),
        input_signature=[image_spec(model, image_size)],
        jit_compile=False,
    )
    with without_cudnn(model):
        concrete = function.get_concrete_function()
    check_no_cudnn(concrete)
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
            "an NVIDIA GPU alone. Build its recurrent layers with use_cudnn=False."
        )


def write_frozen(concrete, directory):
    """Writes a traced function as a SavedModel whose variables are constants.

    Converters read this folder: LiteRT cannot read a variable inside a loop.
    """
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    # Freezing drops the outputs' names; they come back in the order of the outputs.
    names = sorted(concrete.structured_outputs)
    module = tf.Module()

    @tf.function(input_signature=[concrete.structured_input_signature[0][0]])
    def predict(images):
        return dict(zip(names, frozen(images), strict=True))

    tf.saved_model.save(
        module,
        str(directory),
        signatures={"serving_default": predict},
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )


def raw_outputs_in_batches(model, images, batch_size):
    """Returns the model's raw outputs for `images`, computed by Keras on the CPU.

    A GPU may multiply in TF32, which alone moves probabilities by more than the
    tolerance of a float32 artefact.
    """
    batches = []
    with tf.device("/CPU:0"), without_cudnn(model):
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            batches.append(raw_outputs(model, batch).numpy())
    return np.concatenate(batches)
