"""What the conformance sweep needs to know of a layer: one `Case` for each variant."""

import contextlib
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from unittest import mock

import keras
import numpy as np

# Columns of compilers and converters.
EXPENSIVE = {"XLA", "JAX", "SavedModel", "LiteRT builtins", "ONNX"}
LIGHT = {"XLA", "JAX", "SavedModel"}  # slow where there are no weights


@dataclass(frozen=True, eq=False)
class Case:
    """A layer, its arguments at other values than their defaults, and its inputs.

    Fields:
        layer: The class.
        arguments: Dict of constructor arguments; none at its default.
        inputs: Function of `(rng, batch, other)` that gives the call arguments by name,
            arrays or lists of them; the first is the positional one. With `other`, each
            size that may change has changed.
        quiet: Dict of argument changes that make a training step deterministic.
        unsupported: Dict from the name of a column of the support matrix to the reason
            why that cell is a no.
        wrap: Function that makes a layer of a cell, or None.
        keeps_float32: Whether floats are float32 under every precision policy.
        variant: Whether another case of its class asks more of a converter or compiler.
            The columns that compile or convert take such a case in `make test-slow`.
        loop_of: Name of a case of another class that runs the same loop, or None. Those
            columns take that case in `make test` and this one in `make test-slow`.
    """

    layer: type
    arguments: dict
    inputs: Callable
    quiet: dict = field(default_factory=dict)
    unsupported: dict = field(default_factory=dict)
    wrap: Callable | None = None
    keeps_float32: bool = False
    variant: bool = False
    loop_of: str | None = None

    def sample(self, batch=2, other=False):
        """Call arguments by name."""
        return self.inputs(np.random.default_rng(6), batch, other)

    def make(self, **changes):
        """A built layer with random weights, initial zeros and ones among them."""
        layer = self.layer(**{**self.arguments, **changes})
        if self.wrap is not None:
            layer = self.wrap(layer)
        # Symbolic: under JAX each operator of an eager call is compiled on its own.
        symbols = keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype.name), self.sample()
        )
        with without_draws():
            call(layer, symbols)
        rng = np.random.default_rng(5)
        for weight in layer.trainable_weights:
            weight.assign(rng.normal(size=weight.shape, scale=0.5))
        return layer

    def slow(self, column):
        """Whether the check of a column is one of `make test-slow`, not `make test`."""
        if column not in EXPENSIVE:
            return self.variant
        # Without weights, a file has nothing to keep but the graph that other columns
        # run, and what is compiled is an operator of `tests/ops/`.
        light = column in LIGHT and not self.may_have_weights
        return self.variant or self.loop_of is not None or light

    @property
    def may_have_weights(self):
        """Whether the class builds anything; known without a layer of it."""
        return self.wrap is not None or self.layer.build is not keras.layers.Layer.build

    @functools.cached_property
    def built(self):
        """The layer of `make()`, one for all the checks that do not change it."""
        return self.make()

    @functools.cache  # noqa: B019 (the cases live as long as the program)
    def outputs(self, batch=2, other=False):
        """What `built` makes of the sample."""
        return call(self.built, self.sample(batch, other))

    def shapes(self):
        """Shape and dtype of each input, None for the axes that change."""

        def symbol(a, b):
            axes = zip(a.shape, b.shape, strict=True)
            return keras.KerasTensor(
                tuple(m if m == n else None for m, n in axes), a.dtype.name
            )

        samples = self.sample(2), self.sample(3, other=True)
        return keras.tree.map_structure(symbol, *samples)

    def model(self, layer, static=False):
        """A functional model around the layer; `static` sizes are those of `sample`."""

        def symbol(spec, value, name=None):
            if isinstance(spec, list):
                return [symbol(*pair) for pair in zip(spec, value, strict=True)]
            shape = value.shape if static else spec.shape
            return keras.Input(shape[1:], dtype=spec.dtype, name=name)

        sample = self.sample()
        inputs = {
            name: symbol(spec, sample[name], name)
            for name, spec in self.shapes().items()
        }
        return keras.Model(inputs, call(layer, inputs))


@contextlib.contextmanager
def without_draws():
    """Initializers give zeros: every weight will get another value."""

    def zeros(self, shape, dtype=None, **kwargs):
        return keras.ops.convert_to_tensor(np.zeros(shape, "float32"), dtype)

    with contextlib.ExitStack() as stack:
        for name in ("VarianceScaling", "Orthogonal", "RandomUniform", "RandomNormal"):
            kind = getattr(keras.initializers, name)
            stack.enter_context(mock.patch.object(kind, "__call__", zeros))
        yield


def call(layer, inputs, **kwargs):
    """The layer's output, from call arguments by name."""
    first, *others = inputs
    return layer(inputs[first], **{name: inputs[name] for name in others}, **kwargs)


def output_shape(layer, inputs):
    """What `compute_output_shape` says of these inputs, as Keras would ask it."""
    shapes = {name: shape(value) for name, value in inputs.items()}
    parameters = list(inspect.signature(layer.compute_output_shape).parameters)
    if len(parameters) == 1:
        return layer.compute_output_shape(shapes[next(iter(inputs))])
    known = {f"{name}_shape": shape for name, shape in shapes.items()}
    return layer.compute_output_shape(
        **{name: known[name] for name in parameters if name in known}
    )


def shape(value):
    """The shape of a tensor, or a list or dict of those of a list or dict."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape(item) for item in value]
    return tuple(value.shape)


def listed(shapes):
    """One shape, or those of a list or dict, so that they can be compared."""
    if isinstance(shapes, dict):
        return sorted((name, tuple(each)) for name, each in shapes.items())
    return list(shapes)


def flat(outputs):
    """The output's tensors in a fixed order, as float32 arrays."""
    return [
        keras.ops.convert_to_numpy(keras.ops.cast(y, "float32"))
        for y in keras.tree.flatten(outputs)
    ]
