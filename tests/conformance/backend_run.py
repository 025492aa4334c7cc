"""Outputs and gradients of the cases under whichever backend Keras has.

KERAS_BACKEND=jax python -m conformance.backend_run results.npz False

The last word says whether the cases of `make test-slow` are meant, or the others. Under
JAX the file also says of each case whether it can be lowered for CUDA and TPU.
"""

import inspect
import sys
from unittest import mock

import keras
import numpy as np
from conformance.case import Case, call, flat
from conformance.sweep import CASES

PLATFORMS = ("cuda", "tpu", "cpu")
ONLY_ON_CPUS = "an operator of CPUs only"  # that is no case; it shows that such fail


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


def function_jax(layer, inputs):
    """A function of weights and inputs to outputs and gradients, and its arguments."""
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
    # Compiled as one: an eager call compiles each operator.
    return jax.jit(both), (
        values,
        [jax.numpy.asarray(leaves[place]) for place in places],
    )


def both_jax(layer, inputs):
    function, arguments = function_jax(layer, inputs)
    y, (by_weight, by_input) = function(*arguments)
    return y, [*by_weight, *by_input]


def lowering_error(layer, inputs):
    """What keeps a forward pass or a training step from CUDA or TPU; "" if nothing.

    Nothing is compiled. The loops are those that run where there is an accelerator.
    """
    import jax.export

    function, arguments = function_jax(layer, inputs)
    try:
        with mock.patch("tfrecvis.ops.scan.has_accelerator", lambda: True):
            jax.export.export(function, platforms=PLATFORMS)(*arguments)
    except Exception as error:  # as many kinds as there are causes
        return f"{type(error).__name__}: {error}"
    return ""


class OnlyOnCPUs(keras.layers.Layer):
    def call(self, inputs):
        import jax

        return jax.lax.linalg.schur(jax.lax.stop_gradient(inputs))[0]


def lowering_errors(slow):
    """Case name -> `lowering_error`."""
    matrices = Case(OnlyOnCPUs, {}, lambda *_: {"inputs": np.eye(2, dtype="float32")})
    chosen = {
        name: case for name, case in CASES.items() if case.slow("CUDA and TPU") == slow
    }
    return {
        name: lowering_error(case.make(**case.quiet), case.sample())
        for name, case in {**chosen, ONLY_ON_CPUS: matrices}.items()
    }


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
    path, slow = sys.argv[1], sys.argv[2] == "True"
    errors = lowering_errors(slow)
    np.savez(
        path,
        backend=keras.backend.backend(),
        lowered=list(errors),
        lowering_errors=list(errors.values()),
        **results(slow),
    )
