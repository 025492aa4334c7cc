"""Layers of LSTMs at all positions at once, each reading its neighbours' states."""

from typing import NamedTuple

from keras import ops

from tfrecvis.ops.scan import scan
from tfrecvis.ops.stencil import project

# Row and column of each neighbour, in reading order.
EIGHT_NEIGHBOURS = (
    *((-1, -1), (-1, 0), (-1, 1)),
    *((0, -1), (0, 1)),
    *((1, -1), (1, 0), (1, 1)),
)


class NeighbourWeights(NamedTuple):
    """Weights of `neighbour_lstm`, whose leading axis is the layer, or 1 if tied.

    R is the number of states that a position reads: its own, one of each of D
    neighbours, and those of `surroundings`.

    Fields:
        depth_kernel: Float tensor `(layers, R * U, 4 * U)`, gates i, f, g, o.
        depth_bias: Float tensor `(layers, 4 * U)`.
        spatial_kernel: Float tensor `(layers - 1, R * U, 4 * U)` for all D directions,
            or None with one layer. The last layer has none: nothing reads it.
        spatial_bias: Float tensor `(layers - 1, 4 * U)`, or None with one layer.

    Example:

    >>> NeighbourWeights(ops.ones((1, 6, 12)), ops.ones((1, 12))).spatial_kernel
    """

    depth_kernel: object
    depth_bias: object
    spatial_kernel: object = None
    spatial_bias: object = None


def neighbour_lstm(
    start, weights, arriving, directions, depth, surroundings=None, mask=None
):
    """Stacked layers of LSTMs, one along the depth and one for each direction.

    A position reads H = [own h; h_1 of neighbour 1; ..; h_D of neighbour D;
    surroundings], and gives each of its LSTMs its gates:

        i, f, o, g = sigmoid(W_i . H + b_i), .., .., tanh(W_g . H + b_g)
        m' = f * m + i * g
        h' = tanh(o * m')

    along the depth from its own memory m, in direction d from the memory m_d that
    neighbour d has for that direction, as h_d. The directions share their weights.
    Memories are kept in float32 under every precision policy.

    Args:
        start: Float tensor `(B, ..., 4 * U)`: h and m of the depth, then h and m of all
            directions, before the first layer.
        weights: `NeighbourWeights`.
        arriving: Function of a tensor `(D, B, ..., U)`, what each position has for each
            direction, that returns the list of D tensors `(B, ..., U)` which it reads
            of its neighbours.
        directions: Integer D.
        depth: Integer, layers.
        surroundings: Function of the depth's hidden states `(B, ..., U)` that returns a
            tensor `(B, G * U)` which all positions read; or None.
        mask: Boolean tensor `(B, ..., 1)`, False where all states stay zero; or None.

    Returns:
        The depth's hidden states `(B, ..., U)` after the last layer.

    Reference: Liang et al., 2016 (https://arxiv.org/abs/1511.04510).

    Example:

    >>> from tfrecvis.ops.stencil import shift
    >>> weights = NeighbourWeights(
    ...     *(ops.ones(s) for s in ((4, 9, 12), (4, 12), (3, 9, 12), (3, 12))))
    >>> line = lambda x: [shift(x[0], -1), shift(x[1], 1)]
    >>> tuple(neighbour_lstm(ops.ones((2, 7, 12)), weights, line, 2, depth=4).shape)
    (2, 7, 3)
    """
    units = start.shape[-1] // 4
    local = (1 + directions) * units
    dtype = start.dtype

    def real(x):
        return x if mask is None else ops.where(mask, x, ops.zeros_like(x))

    def gates(h, spatial_h, *kernels_and_biases):
        """Gates i, f, g, o of the depth, and of the directions if they have weights."""
        kernel, bias = (ops.concatenate(w, -1) for w in kernels_and_biases)
        near = ops.concatenate([h, *arriving(spatial_h)], -1)
        z = project(near, ops.cast(kernel[:local], dtype))
        z = ops.cast(z, "float32") + ops.cast(bias, "float32")
        if surroundings is not None:
            far = project(surroundings(h), ops.cast(kernel[local:], dtype))
            far = ops.reshape(far, (-1, *[1] * (len(z.shape) - 2), far.shape[-1]))
            z = z + ops.cast(far, "float32")
        z = ops.split(z, kernel.shape[-1] // units, -1)
        return [ops.tanh(x) if n % 4 == 2 else ops.sigmoid(x) for n, x in enumerate(z)]

    def update(i, f, g, o, m):
        m = real(f * m + i * g)
        return ops.cast(ops.tanh(o * m), dtype), m

    tied = weights.depth_kernel.shape[0] == 1
    before_last = [
        (w[0] if tied else w[: depth - 1])
        for w in weights
        if w is not None and depth > 1
    ]

    def layer(carry, xs):
        h, m, spatial_h, spatial_m = carry
        kernel, bias, spatial_kernel, spatial_bias = before_last if tied else xs
        z = gates(h, spatial_h, (kernel, spatial_kernel), (bias, spatial_bias))
        h, m = update(*z[:4], m)
        spatial = update(*z[4:], ops.stack(arriving(spatial_m)))
        return (h, m, *spatial), ()

    h, m, spatial_h, spatial_m = ops.split(real(start), 4, -1)

    def for_all_directions(x):
        # No stack of equal tensors: TensorFlow 2.21 compiles that of a split's output
        # to copies of the split's first one.
        return ops.tile(x[None], (directions, *[1] * len(x.shape)))

    carry = (
        h,
        ops.cast(m, "float32"),
        for_all_directions(spatial_h),
        for_all_directions(ops.cast(spatial_m, "float32")),
    )
    if depth > 1:
        xs = (ops.zeros(depth - 1),) if tied else tuple(before_last)
        carry, _ = scan(layer, carry, xs)
    h, m, spatial_h, _ = carry
    z = gates(h, spatial_h, (weights.depth_kernel[-1],), (weights.depth_bias[-1],))
    return update(*z, m)[0]


def from_neighbours(x):
    """What every pixel reads of its eight neighbours, zero outside the image.

    Args:
        x: Tensor `(8, B, H, W, U)`, what a pixel has for each of the directions in the
            order of `EIGHT_NEIGHBOURS`.

    Returns:
        List of eight tensors `(B, H, W, U)`: the first one holds what the pixel's upper
        left neighbour has for the first direction, and so on.

    Example:

    >>> x = ops.tile(ops.reshape(ops.arange(1, 10), (1, 1, 3, 3, 1)), (8, 1, 1, 1, 1))
    >>> [int(y[0, 1, 1, 0]) for y in from_neighbours(x)]
    [1, 2, 3, 4, 6, 7, 8, 9]
    """
    padded = ops.pad(x, [[0, 0], [0, 0], [1, 1], [1, 1], [0, 0]])

    def part(offset):
        return slice(1 + offset, offset - 1 or None)

    return [
        padded[d, :, part(row), part(column)]
        for d, (row, column) in enumerate(EIGHT_NEIGHBOURS)
    ]


def grid_cells(mask, cells=3):
    """Which rows and columns of an image belong to each cell of a grid over it.

    The grid spans the real part of an image of height H: cell k holds the rows from
    `floor(k * H / cells)` up to, and without, `ceil((k + 1) * H / cells)`. Rows at the
    border of two cells may belong to both, so that no cell is empty, however small the
    image, and a mirrored image has mirrored cells.

    Args:
        mask: Boolean tensor `(B, H, W)`, True for a real pixel.
        cells: Integer, cells along each side.

    Returns:
        Boolean tensors `(B, cells, H)` and `(B, cells, W)`.

    Example:

    >>> rows, columns = grid_cells(ops.ones((1, 4, 2), "bool"))
    >>> ops.convert_to_numpy(rows[0]).astype(int).tolist()
    [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    >>> ops.convert_to_numpy(columns[0]).astype(int).tolist()
    [[1, 0], [1, 1], [0, 1]]
    """

    def belong(real):
        index = ops.arange(ops.shape(real)[1], dtype="int32")
        beyond = ops.shape(real)[1]
        first = ops.where(real, index, beyond)
        first = ops.min(first, 1, keepdims=True, initial=beyond)
        last = ops.max(ops.where(real, index, -1), 1, keepdims=True, initial=-1)
        place = (index - first)[:, None]
        cell = ops.arange(cells, dtype="int32")[:, None]
        size = (last - first + 1)[:, None]
        return (cells * (place + 1) > cell * size) & (cells * place < (cell + 1) * size)

    return belong(ops.any(mask, 2)), belong(ops.any(mask, 1))


def pool_cells(x, mask, rows, columns):
    """The maximum over the real pixels of each cell of a grid; zero without any.

    Args:
        x: Float tensor `(B, H, W, U)`.
        mask: Boolean tensor `(B, H, W)`, True for a real pixel.
        rows: Boolean tensor `(B, cells, H)` of `grid_cells`.
        columns: Boolean tensor `(B, cells, W)` of `grid_cells`.

    Returns:
        Tensor `(B, cells * cells * U)`, cells in reading order.

    Example:

    >>> x = ops.reshape(ops.arange(4.0), (1, 2, 2, 1))
    >>> mask = ops.ones((1, 2, 2), "bool")
    >>> [int(y) for y in pool_cells(x, mask, *grid_cells(mask))[0]]
    [0, 1, 1, 2, 3, 3, 2, 3, 3]
    """
    lowest = ops.cast(float("-inf"), x.dtype)
    x = ops.where(mask[..., None], x, lowest)
    # Without `initial`, Keras refuses an empty batch.
    bands = [
        ops.max(ops.where(rows[:, k, :, None, None], x, lowest), 1, initial=lowest)
        for k in range(rows.shape[1])
    ]
    pooled = [
        ops.max(ops.where(columns[:, k, :, None], band, lowest), 1, initial=lowest)
        for band in bands
        for k in range(columns.shape[1])
    ]
    pooled = ops.concatenate(pooled, -1)
    return ops.where(pooled == lowest, ops.zeros_like(pooled), pooled)
