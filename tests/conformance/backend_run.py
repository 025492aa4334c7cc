"""Outputs and gradients of the cases under whichever backend Keras has.

KERAS_BACKEND=jax python -m conformance.backend_run results.npz False

The last word says whether the cases of `make test-slow` are meant, or the others.
"""

import inspect
import sys

import keras
import numpy as np
from conformance.case import call, flat
from conformance.sweep import CASES


def loss_of(outputs):
    """A sum in which each entry of each output has its own weight."""
    rng = np.random.default_rng(8)
    return sum(
        keras.ops.sum(
            keras.ops.cast(y, "float32") * rng.normal(size=y.shape).astype("float32")
        )
        for y in keras.tree.flatten(outputs)
    )


def is_float(value):
    return "float" in keras.backend.standardize_dtype(value.dtype)


def split(inputs):
    """The inputs as a flat list of arrays, and which of them have gradients."""
    leaves = keras.tree.flatten(inputs)
    return leaves, [number for number, leaf in enumerate(leaves) if is_float(leaf)]


def both_jax(layer, inputs):
    """Outputs and gradients, compiled as one: an eager call compiles each operator."""
    import jax

    leaves, places = split(inputs)
    frozen = [w.value for w in layer.non_trainable_variables]
    # `stateless_call` hands every argument to `call`, which may know no training.
    knows_training = "training" in inspect.signature(layer.call).parameters
    mode = {"training": True} if knows_training else {}

    def outputs(values, floats, mode):
        given = list(leaves)
        for place, value in zip(places, floats, strict=True):
            given[place] = value
        named = keras.tree.pack_sequence_as(inputs, given)
        first, *others = named
        y, _ = layer.stateless_call(
            values,
            frozen,
            named[first],
            **{name: named[name] for name in others},
            **mode,
        )
        return y

    def both(values, floats):
        def loss(*x):
            y = outputs(*x, mode)
            return loss_of(y), y

        gradients, y = jax.grad(loss, (0, 1), has_aux=True)(values, floats)
        return outputs(values, floats, {}) if mode else y, gradients

    values = [w.value for w in layer.trainable_variables]
    y, (by_weight, by_input) = jax.jit(both)(
        values, [jax.numpy.asarray(leaves[place]) for place in places]
    )
    return y, [*by_weight, *by_input]


def gradients_tensorflow(layer, inputs):
    import tensorflow as tf

    leaves, places = split(inputs)
    tensors = [tf.convert_to_tensor(leaf) for leaf in leaves]
    with tf.GradientTape() as tape:
        tape.watch([tensors[place] for place in places])
        named = keras.tree.pack_sequence_as(inputs, tensors)
        loss = loss_of(call(layer, named, training=True))
    return tape.gradient(
        loss,
        [
            *(w.value for w in layer.trainable_variables),
            *(tensors[place] for place in places),
        ],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )


def both_tensorflow(layer, inputs):
    return call(layer, inputs), gradients_tensorflow(layer, inputs)


def results(slow):
    """Case name, slash, "output" or "gradient" and its number -> array."""
    backend = keras.backend.backend()
    both = {"jax": both_jax, "tensorflow": both_tensorflow}[backend]
    found = {}
    for name, case in CASES.items():
        if case.slow("JAX") != slow or "JAX" in case.unsupported:
            continue
        layer, inputs = case.make(**case.quiet), case.sample()
        outputs, gradients = both(layer, inputs)
        for number, y in enumerate(flat(outputs)):
            found[f"{name}/output {number}"] = y
        for number, gradient in enumerate(gradients):
            found[f"{name}/gradient {number}"] = keras.ops.convert_to_numpy(gradient)
    return found


if __name__ == "__main__":
    np.savez(
        sys.argv[1], backend=keras.backend.backend(), **results(sys.argv[2] == "True")
    )
