"""A Keras model as a `Predictor`, beside the artefacts that are made of it."""

import functools

import keras
import numpy as np

from tfrecvis.export.card import inputs_of
from tfrecvis.export.predictor import Predictor


def keras_predictor(signatures, card=None):
    """Returns a `Predictor` that calls a Keras model, under any backend.

    Args:
        signatures: List of `tfrecvis.models.Signature`.
        card: Dict, what is known of the model, or None.

    Example:

    >>> from tfrecvis.models import SequenceTagger, sequences
    >>> predictor = keras_predictor(
    ...     sequences.signatures(SequenceTagger(11, units=4, depth=2))
    ... )
    >>> predictor.predict({"tokens": np.zeros((2, 9), "int32")})["labels"].shape
    (2, 9)
    """
    functions = {signature.name: _function(signature) for signature in signatures}
    specs = {
        signature.name: {
            name: (spec.shape, spec.dtype) for name, spec in signature.inputs.items()
        }
        for signature in signatures
    }

    def run(name, inputs):
        answer = functions[name](**inputs)
        return {key: _as_numpy(value) for key, value in answer.items()}

    described = {"signatures": inputs_of(signatures)}
    return Predictor("keras", run, specs, {**(card or {}), **described})


def _function(signature):
    if keras.backend.backend() != "tensorflow":
        return signature
    import tensorflow as tf

    specs = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in signature.inputs.items()
    }
    function = tf.function(lambda **inputs: signature(**inputs), autograph=False)

    @functools.cache  # a signature is traced when it is called first, if ever
    def traced():
        return function.get_concrete_function(**specs)

    return lambda **inputs: traced()(**inputs)


def _as_numpy(value):
    if hasattr(value, "numpy"):  # of strings, too
        return value.numpy()
    return np.asarray(keras.ops.convert_to_numpy(value))
