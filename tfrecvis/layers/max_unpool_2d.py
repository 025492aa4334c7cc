"""Max-pooling that remembers where its maxima were, and its inverse, as layers."""

import keras

from tfrecvis.ops.checks import as_pair, check_choice
from tfrecvis.ops.shape_checks import check_integer_dtype, check_shapes
from tfrecvis.ops.unpooling import max_pool_with_argmax, max_unpool


@keras.saving.register_keras_serializable("tfrecvis")
class MaxPoolWithArgmax(keras.layers.Layer):
    """Max-pooling over windows side by side that also says where the maxima were.

        values[i, j]  = max(maps[pool * i + a, pool * j + b] over the window)
        indices[i, j] = row * width + column of that maximum, for each channel

    Of equal values in a window the first, row by row, is taken.

    Reference: the pooling of Badrinarayanan et al., 2017, section 3
    (https://arxiv.org/abs/1511.00561).

    Args:
        pool_size: Integer or pair of integers, window and stride in pixels.
        padding: "valid" leaves rows and columns out that fill no window; "same" gives
            them smaller windows at the bottom and on the right.

    Call arguments:
        maps: Float tensor `(batch, height, width, channels)`.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: list of the values and the int32 indices, `(batch, rows, columns,
        channels)` both.

    Raises:
        ValueError: `pool_size` is not positive, or `padding` is none of the two.

    Example:

    >>> maps = keras.ops.reshape(keras.ops.arange(8.0), (1, 2, 4, 1))
    >>> values, indices = MaxPoolWithArgmax()(maps)
    >>> keras.ops.convert_to_numpy(indices).ravel().tolist()
    [5, 7]
    """

    def __init__(self, pool_size=2, padding="valid", **kwargs):
        super().__init__(**kwargs)
        as_pair("pool_size", pool_size)
        check_choice("padding", padding, ("valid", "same"))
        self.pool_size = pool_size
        self.padding = padding
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, maps):
        size = as_pair("pool_size", self.pool_size)
        return list(max_pool_with_argmax(maps, size, self.padding))

    def compute_output_shape(self, maps_shape):
        batch, *sizes, channels = maps_shape
        sizes = [
            None if size is None else (size - (self.padding == "valid") * (pool - 1))
            for size, pool in zip(
                sizes, as_pair("pool_size", self.pool_size), strict=True
            )
        ]
        pools = as_pair("pool_size", self.pool_size)
        sizes = [
            None if size is None else -(-size // pool)
            for size, pool in zip(sizes, pools, strict=True)
        ]
        return [(batch, *sizes, channels)] * 2

    def compute_output_spec(self, maps):
        values, indices = self.compute_output_shape(maps.shape)
        return [
            keras.KerasTensor(values, self.compute_dtype),
            keras.KerasTensor(indices, "int32"),
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
        }


@keras.saving.register_keras_serializable("tfrecvis")
class MaxUnpool2D(keras.layers.Layer):
    """Puts values back to where a max-pooling found its maxima; zeros elsewhere.

        y[row, column] = values[i, j] if indices[i, j] = row * width + column, else 0
        (i, j) = (row // pool, column // pool)

    Reference: Badrinarayanan et al., 2017, section 3
    (https://arxiv.org/abs/1511.00561); Noh et al., 2015, section 3.2
    (https://arxiv.org/abs/1505.04366).

    Args:
        pool_size: Integer or pair of integers, as in `MaxPoolWithArgmax`.

    Call arguments:
        values: Float tensor `(batch, rows, columns, channels)`.
        indices: Integer tensor of the same shape, as `MaxPoolWithArgmax` outputs it.
        like: Tensor `(batch, height, width, anything)` of the size of the map that was
            pooled, or None where that is `pool_size` times the size of the values.

    Input shape: `(batch, rows, columns, channels)`; rows and columns may be None.
    Output shape: `(batch, height, width, channels)`.

    Raises:
        ValueError: `pool_size` is not positive, or the shapes do not fit.

    Example:

    >>> maps = keras.ops.reshape(keras.ops.arange(8.0), (1, 2, 4, 1))
    >>> values, indices = MaxPoolWithArgmax()(maps)
    >>> y = MaxUnpool2D()(values, indices=indices)
    >>> keras.ops.convert_to_numpy(y).ravel().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0, 7.0]
    """

    def __init__(self, pool_size=2, **kwargs):
        super().__init__(**kwargs)
        as_pair("pool_size", pool_size)
        self.pool_size = pool_size
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, values, indices, like=None):
        spec = "batch rows columns channels"
        check_shapes(
            values=(spec, values),
            indices=(spec, indices),
            like=("batch height width *any", like),
        )
        check_integer_dtype("indices", indices)
        pools = as_pair("pool_size", self.pool_size)
        if like is not None:
            size = keras.ops.shape(like)[1:3]
        else:
            sizes = keras.ops.shape(values)[1:3]
            size = [n * pool for n, pool in zip(sizes, pools, strict=True)]
        return max_unpool(values, indices, *size, pools)

    def compute_output_shape(self, values_shape, indices_shape, like_shape=None):
        batch, *sizes, channels = values_shape
        pools = as_pair("pool_size", self.pool_size)
        if like_shape is not None:
            return (batch, *like_shape[1:3], channels)
        sizes = [n and n * pool for n, pool in zip(sizes, pools, strict=True)]
        return (batch, *sizes, channels)

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size}
