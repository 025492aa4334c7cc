"""One loop over the leading axis, for every recurrence of the package.

It holds the loops of each backend; what else these do in their own ways is in
`tfrecvis.ops.backend`. `scan` has one contract and several *lowerings*: what the loop
becomes in the graph. Training uses the default; an export chooses another with
`lowering`:

| lowering | loop | for |
| --- | --- | --- |
| `"tensor_array"` | while loop over TensorArrays | training, SavedModel (TensorFlow) |
| `"buffer"` | while loop that carries its output buffers | LiteRT: builtins only |
| `"unrolled"` | no loop; the length must be static | full-integer LiteRT |

Under JAX the default is `jax.lax.scan`, and `"unrolled"` its unrolled form; JAX has no
TensorLists to avoid, so `"buffer"` changes nothing there.
"""

import contextlib
import contextvars
from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import ops

from tfrecvis.ops.backend import has_accelerator
from tfrecvis.ops.checks import check_choice

LOWERINGS = ("tensor_array", "buffer", "unrolled")
_lowering = contextvars.ContextVar("tfrecvis_lowering", default="tensor_array")


@contextlib.contextmanager
def lowering(name):
    """Choose what `scan` becomes in the graphs that are traced inside the context.

    Args:
        name: `"tensor_array"` (the default elsewhere), `"buffer"` or `"unrolled"`.

    Raises:
        ValueError: `name` is none of these.

    Example:

    >>> with lowering("unrolled"):
    ...     carry, _ = scan(lambda c, x: ((c[0] + x[0],), ()),
    ...                     (keras.ops.zeros(()),), (keras.ops.arange(4.0),))
    >>> float(carry[0])
    6.0
    """
    check_choice("name", name, LOWERINGS)
    token = _lowering.set(name)
    try:
        yield
    finally:
        _lowering.reset(token)


class Track(NamedTuple):
    """One recurrence of `scan_together`; the fields are the arguments of `scan`.

    Example:

    >>> count = Track(lambda c, x: ((c[0] + 1,), ()), (ops.zeros(()),), (ops.ones(4),))
    >>> [(carry, _)] = scan_together([count])
    >>> float(carry[0])
    4.0
    """

    step: Callable
    carry: tuple
    xs: tuple
    like: tuple = ()
    reverse: bool = False


def scan(step, carry, xs, like=(), reverse=False):
    """Run `carry, y = step(carry, x)` over the leading axis of `xs`.

        carry[t], y[t] = step(carry[t - 1], x[t])    t = 0 .. T-1, or T-1 .. 0

    Args:
        step: Function of `(carry, x)`, both tuples of tensors, that returns the next
            carry (same shapes and dtypes) and a tuple of outputs.
        carry: Tuple of tensors, the state before the first step.
        xs: Tuple of tensors `(T, ...)`; T may be dynamic.
        like: Tuple of tensors with the shapes and dtypes of one step's outputs.
        reverse: Whether to run from the last step to the first. `y[t]` stays beside
            `x[t]`.

    Returns:
        The last carry and the tuple of stacked outputs, `(T, ...)` each.

    Example:

    >>> x = keras.ops.arange(1.0, 4.0)
    >>> step = lambda carry, x: ((carry[0] + x[0],), (carry[0] + x[0],))
    >>> carry, (sums,) = scan(step, (x[0] * 0,), (x,), like=(x[0],))
    >>> [float(s) for s in sums]
    [1.0, 3.0, 6.0]
    """
    return scan_together([Track(step, carry, xs, like, reverse)])[0]


def scan_together(tracks):
    """Run several scans of equal length side by side.

    On an accelerator they share one loop: opposite directions cost the sequential
    steps of one. On a CPU each has its own loop, which XLA's runtime may give to
    another core. Under TensorFlow no tensor is reversed in memory: each track counts
    its own way.

    Args:
        tracks: List of `Track`; all `xs` share their leading size T.

    Returns:
        List of `(carry, ys)`, one for each track, as `scan` returns them.

    Example:

    >>> x = keras.ops.arange(1.0, 4.0)
    >>> step = lambda carry, x: ((carry[0] + x[0],), (carry[0] + x[0],))
    >>> up, down = scan_together([Track(step, (x[0] * 0,), (x,), (x[0],), reverse)
    ...                           for reverse in (False, True)])
    >>> [float(s) for s in down[1][0]]
    [6.0, 5.0, 3.0]
    """
    tracks = [
        Track(t.step, tuple(t.carry), tuple(t.xs), tuple(t.like), t.reverse)
        for t in tracks
    ]
    if _lowering.get() == "unrolled":
        return [_unrolled(*track) for track in tracks]
    if one_launch_per_step():
        return _loop(tracks)
    return [_loop([track])[0] for track in tracks]


def one_launch_per_step():
    """Whether steps should be few and large: on an accelerator, and in LiteRT.

    On an accelerator a step costs its launches, however little it computes. On a CPU
    it costs its memory traffic.

    Example:

    >>> with lowering("buffer"):
    ...     one_launch_per_step()
    True
    """
    return exporting() or has_accelerator()


def exporting():
    """Whether the graph is traced for an export: each of its loops costs operators.

    Example:

    >>> with lowering("buffer"):
    ...     exporting()
    True
    """
    return _lowering.get() != "tensor_array"


def uses_builtins():
    """Whether a graph is for LiteRT or ONNX: few operators, and no gradient.

    Example:

    >>> with lowering("buffer"):
    ...     uses_builtins()
    True
    """
    return _lowering.get() != "tensor_array"


def _unrolled(step, carry, xs, like, reverse):
    steps = xs[0].shape[0]
    if steps is None:
        raise ValueError(
            "The unrolled lowering needs a static number of steps, but the scanned "
            f"axis is dynamic. Received: x.shape={tuple(xs[0].shape)}. Give the model "
            "a fixed image size, or use the 'buffer' lowering."
        )
    outputs = [[None] * steps for _ in like]
    for t in reversed(range(steps)) if reverse else range(steps):
        carry, ys = step(carry, tuple(x[t] for x in xs))
        for output, y in zip(outputs, ys, strict=True):
            output[t] = y
    return carry, tuple(ops.stack(output) for output in outputs)


if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    class _Arrays:
        """Reads and writes of one track through TensorArrays."""

        def __init__(self, track, steps, static_steps):
            self.static_steps = static_steps
            self.like = track.like
            self.xs = [
                tf.TensorArray(x.dtype, steps, element_shape=x.shape[1:]).unstack(x)
                for x in track.xs
            ]
            self.stores = tuple(
                tf.TensorArray(y.dtype, steps, element_shape=y.shape)
                for y in track.like
            )
            self.shapes = tuple(tf.TensorShape(None) for _ in track.like)

        def read(self, t):
            return tuple(x.read(t) for x in self.xs)

        def write(self, store, t, y):
            return store.write(t, y)

        def stack(self, stores):
            outputs = tuple(store.stack() for store in stores)
            for output, y in zip(outputs, self.like, strict=True):
                output.set_shape([self.static_steps, *y.shape])
            return outputs

    class _Buffers:
        """Reads and writes of one track on whole tensors: no TensorList anywhere."""

        def __init__(self, track, steps, static_steps):
            self.xs = track.xs
            self.stores = tuple(
                tf.zeros(tf.concat([[steps], tf.shape(y)], 0), y.dtype)
                for y in track.like
            )
            self.shapes = tuple(
                tf.TensorShape([static_steps, *y.shape]) for y in track.like
            )

        def read(self, t):
            return tuple(x[t] for x in self.xs)

        def write(self, store, t, y):
            return tf.tensor_scatter_nd_update(store, [[t]], y[None])

        def stack(self, stores):
            return stores

    def _of_shape(x, shape):
        """A step that loses a static size would change the loop's shapes."""
        known = shape.is_fully_defined() and x.shape.is_fully_defined()
        return x if known and x.shape == shape else tf.ensure_shape(x, shape)

    def _loop(tracks):
        x = tracks[0].xs[0]
        static_steps = x.shape[0]
        steps = tf.shape(x)[0] if static_steps is None else static_steps
        memory = _Buffers if _lowering.get() == "buffer" else _Arrays
        memories = [memory(track, steps, static_steps) for track in tracks]

        def advance(i, track, memory, carry, stores):
            t = steps - 1 - i if track.reverse else i
            after, ys = track.step(carry, memory.read(t))
            after = tuple(
                _of_shape(new, old.shape) for new, old in zip(after, carry, strict=True)
            )
            return after, tuple(
                memory.write(store, t, y) for store, y in zip(stores, ys, strict=True)
            )

        def body(i, states):
            return i + 1, tuple(
                advance(i, track, memory, *state)
                for track, memory, state in zip(tracks, memories, states, strict=True)
            )

        _, states = tf.while_loop(
            lambda i, _: i < steps,
            body,
            (
                tf.constant(0),
                tuple(
                    (track.carry, memory.stores)
                    for track, memory in zip(tracks, memories, strict=True)
                ),
            ),
            shape_invariants=(
                tf.TensorShape([]),
                tuple(
                    (tuple(c.shape for c in track.carry), memory.shapes)
                    for track, memory in zip(tracks, memories, strict=True)
                ),
            ),
            # XLA needs the trip count: no gradient passes the loop without it.
            maximum_iterations=steps,
        )
        return [
            (carry, memory.stack(stores))
            for memory, (carry, stores) in zip(memories, states, strict=True)
        ]

elif keras.backend.backend() == "jax":
    import jax

    def _loop(tracks):
        def flip(track, values):
            return tuple(v[::-1] for v in values) if track.reverse else tuple(values)

        def step(carries, xs):
            pairs = [
                track.step(carry, x)
                for track, carry, x in zip(tracks, carries, xs, strict=True)
            ]
            return tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)

        carries, ys = jax.lax.scan(
            step,
            tuple(track.carry for track in tracks),
            tuple(flip(track, track.xs) for track in tracks),
        )
        return [
            (carry, flip(track, y))
            for track, carry, y in zip(tracks, carries, ys, strict=True)
        ]

else:
    raise ImportError(
        f"tfrecvis runs on the TensorFlow and JAX backends of Keras. Received: "
        f"backend={keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow or "
        "KERAS_BACKEND=jax before the first import of keras."
    )
