"""The index of the largest value, of operators that every format has."""

import keras
from keras import ops


def lowest(dtype):
    """A finite number below all others that matter.

    Where TensorFlow selects, ONNX may multiply with 0, which makes NaN of infinity.

    Example:

    >>> lowest("float16")
    -65504.0
    """
    return -65504.0 if keras.backend.standardize_dtype(dtype) == "float16" else -3e38


def likeliest(values):
    """The index of the largest value of the last axis; of equals, the lowest.

    `keras.ops.argmax` of floats is made of bit operations that LiteRT has no builtin
    operator for.

    Args:
        values: Tensor `(..., classes)`.

    Returns:
        int32 tensor `(...)`.

    Example:

    >>> likeliest(ops.convert_to_tensor([[0.5, 2.0, 2.0], [1.0, 0.0, -1.0]])).numpy()
    array([1, 0], dtype=int32)
    """
    count = ops.shape(values)[-1]
    index = ops.arange(count, dtype="int32")
    largest = values >= ops.max(values, -1, keepdims=True)
    # Where NaN hides the largest value, the last index stands for none.
    return ops.min(ops.where(largest, index, count - 1), -1)
