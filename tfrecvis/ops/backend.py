"""What each backend does in its own way, behind one contract; loops are in `scan`."""

import keras
from keras import ops


def has_accelerator():
    """Whether there is a GPU or TPU.

    Example:

    >>> has_accelerator() in (True, False)
    True
    """
    return _has_accelerator()


def vjp(function, arguments, upstream):
    """Gradients of `sum(upstream * function(*arguments))`, also inside a loop's body.

    Args:
        function: Function of tensors that returns a tensor, or a tuple of them.
        arguments: Tuple of float tensors.
        upstream: What `function` returns: the same structure, shapes and dtypes.

    Returns:
        Tuple of tensors, one for each argument; zeros where it has no influence.

    Example:

    >>> x = keras.ops.convert_to_tensor([1.0, 2.0])
    >>> (gradient,) = vjp(keras.ops.square, (x,), x)
    >>> [float(g) for g in gradient]
    [2.0, 8.0]
    """
    return tuple(_vjp(function, tuple(arguments), upstream))


def concrete_value(tensor):
    """A tensor's values as a NumPy array; None while a graph is traced, and for None.

    Example:

    >>> concrete_value(keras.ops.ones((2,))).tolist()
    [1.0, 1.0]
    """
    if tensor is None or keras.backend.is_keras_tensor(tensor) or _is_traced(tensor):
        return None
    return ops.convert_to_numpy(tensor)


def fail_unless(condition, message, values=()):
    """Stop a graph that runs while a condition does not hold.

    Only TensorFlow can, and only outside XLA. Under XLA and under JAX nothing happens,
    at no cost: the caller's result must show the fault itself, such as by a NaN. For
    eager calls, check `concrete_value` and raise a ValueError.

    Args:
        condition: Boolean tensor `()`.
        message: String.
        values: Sequence of small tensors whose values the error prints.

    Example:

    >>> fail_unless(keras.ops.any(keras.ops.ones(2) > 0), "must be positive")
    """
    _fail_unless(condition, message, tuple(values))


def has_grid_sampling():
    """Whether `sample_grids` can be used: under TensorFlow, and outside XLA.

    Example:

    >>> keras.backend.backend() == "tensorflow" and has_grid_sampling()
    True
    """
    return _has_grid_sampling()


def sample_grids(maps, ends, images, counts, border):
    """Bilinear samples of maps on even grids, by one operator of the backend.

    Args:
        maps: Float tensor `(B, H, W, C)`.
        ends: Two pairs of tensors `(n,)`, of rows and of columns: the pixel of the
            first sample and of the last one, counted from behind the border.
        images: int32 `(n,)`, which map each grid lies on.
        counts: Two integers, samples down and across.
        border: Integer, pixels before the one that is counted as 0.

    Returns:
        float32 `(n, *counts, C)`; 0 where a sample lies outside the map.

    Example:

    >>> one = keras.ops.ones((1, 4, 4, 1))
    >>> ends = [(keras.ops.zeros(1), keras.ops.ones(1))] * 2
    >>> sample_grids(one, ends, keras.ops.zeros(1, "int32"), [2, 3], 0).shape
    TensorShape([1, 2, 3, 1])
    """
    return _sample_grids(maps, ends, images, counts, border)


if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

    def _has_accelerator():
        return bool(tf.config.list_physical_devices("GPU"))

    custom_gradient = tf.custom_gradient

    def _vjp(function, arguments, upstream):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            y = function(*arguments)
        zero = tf.UnconnectedGradients.ZERO
        return tape.gradient(y, arguments, upstream, unconnected_gradients=zero)

    def _fail_unless(condition, message, values):
        tf.debugging.Assert(condition, [message, *values])

    def _is_traced(tensor):
        return isinstance(tensor, tf.Tensor) and not hasattr(tensor, "numpy")

    def _has_grid_sampling():
        # XLA has no kernel for it.
        return tf.executing_eagerly() or not GraphOrParentsInXlaContext(
            tf.compat.v1.get_default_graph()
        )

    def _sample_grids(maps, ends, images, counts, border):
        shape = tf.cast(tf.shape(maps)[1:3], tf.float32)
        rows, columns = (
            [(end + border) / (size - 1) for end in pair]
            for pair, size in zip(ends, tf.unstack(shape), strict=True)
        )
        boxes = tf.stack([rows[0], columns[0], rows[1], columns[1]], -1)
        maps = tf.cast(maps, tf.float32)  # there is no kernel for bfloat16
        return tf.image.crop_and_resize(maps, boxes, images, counts)

elif keras.backend.backend() == "jax":
    import jax

    def _has_accelerator():
        return jax.default_backend() != "cpu"

    def custom_gradient(run):
        """`tf.custom_gradient`'s contract: the backward pass takes `*upstream`."""

        @jax.custom_gradient
        def adapted(*args):
            outputs, backward = run(*args)
            return outputs, lambda upstream: backward(*upstream)

        return adapted

    def _vjp(function, arguments, upstream):
        return jax.vjp(function, *arguments)[1](upstream)

    def _fail_unless(condition, message, values):
        """XLA has no way to stop a program."""

    def _is_traced(tensor):
        return isinstance(tensor, jax.core.Tracer)

    def _has_grid_sampling():
        return False

else:
    raise ImportError(
        f"tfrecvis runs on the TensorFlow and JAX backends of Keras. Received: "
        f"backend={keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow or "
        "KERAS_BACKEND=jax before the first import of keras."
    )
