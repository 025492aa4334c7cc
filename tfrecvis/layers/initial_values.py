"""Initial values that the recurrent layers share."""

import math

import keras
from keras import ops


def one_by_one(initializer):
    """An initialiser of stacked matrices `(..., rows, columns)`, each drawn separately.

    Fans are those of one matrix, and no two matrices are alike.

    Args:
        initializer: Name of a Keras initialiser.

    Example:

    >>> draw = one_by_one("orthogonal")((2, 3, 3))
    >>> bool(ops.max(ops.abs(draw[0] - draw[1])) > 0.01)
    True
    """

    def draw(shape, dtype=None):
        single = keras.initializers.get(initializer)
        # TensorFlow has no QR of bfloat16 matrices: draw in float32.
        matrices = [
            single.clone()(tuple(shape[-2:]), dtype="float32")
            for _ in range(math.prod(shape[:-2]))
        ]
        return ops.cast(ops.reshape(ops.stack(matrices), shape), dtype or "float32")

    return draw


def forget_bias(shape, dtype=None):
    """Biases `(..., 4 * units)` of the gates i, f, g, o: one for f, zero otherwise.

    Example:

    >>> [int(b) for b in forget_bias((8,))]
    [0, 0, 1, 1, 0, 0, 0, 0]
    """
    gates = ops.reshape(ops.cast([0, 1, 0, 0], dtype or "float32"), (4, 1))
    bias = ops.broadcast_to(gates, (*shape[:-1], 4, shape[-1] // 4))
    return ops.reshape(bias, shape)
