"""A layer's forward pass and training step as functions without arguments."""

import contextlib
import functools
import inspect

import keras
import numpy as np


def layer_functions(layer, inputs, jit_compile, tracing=contextlib.nullcontext):
    """`(forward, training)`, functions that return when their work is done.

    Of a function that XLA compiles, `function.module()` compiles it once more and gives
    the text of the optimised module.

    The training step is the gradient of the mean square of every output for the weights
    and for the inputs of floats.

    Args:
        layer: A Keras layer.
        inputs: Dict of its call arguments, arrays; the first one is positional.
        jit_compile: Whether XLA compiles it. JAX always does.
        tracing: Function that gives the context in which the functions are traced.

    Example:

    >>> images = {"images": np.ones((2, 3, 5, 6), "float32")}
    >>> forward, training = layer_functions(keras.layers.Dense(4), images, False)
    >>> forward().shape, training().shape
    ((2, 3, 5, 4), (6, 4))
    """
    inputs = keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
    if not layer.built:
        _call(layer, inputs)
    make = {"tensorflow": _tensorflow, "jax": _jax}[keras.backend.backend()]

    def waits(run, module):
        def function():
            with tracing():
                # Reading one value waits for the whole computation.
                return np.asarray(keras.tree.flatten(run())[0])

        function.module = module
        return function

    return tuple(waits(*pair) for pair in make(layer, inputs, jit_compile))


def _call(layer, inputs, **options):
    first, *others = inputs
    return layer(inputs[first], **{name: inputs[name] for name in others}, **options)


def _loss(outputs):
    return sum(
        keras.ops.mean(keras.ops.square(keras.ops.cast(y, "float32")))
        for y in keras.tree.flatten(outputs)
    )


def _tensorflow(layer, inputs, jit_compile):
    import tensorflow as tf

    variables = [v.value for v in layer.trainable_variables]
    floats = [t for t in keras.tree.flatten(inputs) if t.dtype.is_floating]
    leaves = keras.tree.flatten(inputs)

    @tf.function(jit_compile=jit_compile)
    def forward(*leaves):
        return _call(layer, keras.tree.pack_sequence_as(inputs, leaves))

    @tf.function(jit_compile=jit_compile)
    def training(*leaves):
        watched = [*variables, *(t for t in leaves if t.dtype.is_floating)]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            given = keras.tree.pack_sequence_as(inputs, leaves)
            loss = _loss(_call(layer, given, training=True))
        found = tape.gradient(
            loss, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return found if floats or variables else loss

    def module(function):
        return function.experimental_get_compiler_ir(*leaves)(stage="optimized_hlo")

    return [
        (functools.partial(function, *leaves), functools.partial(module, function))
        for function in (forward, training)
    ]


def _jax(layer, inputs, jit_compile):
    import jax

    frozen = [v.value for v in layer.non_trainable_variables]
    values = [v.value for v in layer.trainable_variables]
    leaves = keras.tree.flatten(inputs)
    places = [n for n, leaf in enumerate(leaves) if "float" in str(leaf.dtype)]

    def outputs(values, floats, training):
        given = list(leaves)
        for place, value in zip(places, floats, strict=True):
            given[place] = value
        named = keras.tree.pack_sequence_as(inputs, given)
        first, *others = named
        options = {name: named[name] for name in others}
        # Unlike a call, `stateless_call` hands `training` on to whoever lacks it.
        if "training" in inspect.signature(layer.call).parameters:
            options["training"] = training
        return layer.stateless_call(values, frozen, named[first], **options)[0]

    forward = jax.jit(lambda v, x: outputs(v, x, training=False))
    training = jax.jit(
        jax.grad(lambda v, x: _loss(outputs(v, x, training=True)), (0, 1))
    )
    floats = [leaves[place] for place in places]

    def module(function):
        return function.lower(values, floats).compile().as_text()

    return [
        (
            functools.partial(function, values, floats),
            functools.partial(module, function),
        )
        for function in (forward, training)
    ]
