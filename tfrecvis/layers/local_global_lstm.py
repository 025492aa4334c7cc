"""LG-LSTM: every pixel reads its eight neighbours and a summary of the image."""

import keras
from keras import ops

from tfrecvis.layers.neighbour_lstm import EightNeighbourLSTM
from tfrecvis.ops.neighbour_lstm import grid_cells, pool_cells


@keras.saving.register_keras_serializable("tfrecvis")
class LocalGlobalLSTM(EightNeighbourLSTM):
    """Stacked LSTMs of all pixels at once, that read neighbours and the whole image.

    A `PixelLSTM` (its equations, weights and directions are described there) whose
    pixels also read nine global states, the maximum of the hidden states h of the layer
    before over each cell of a 3x3 grid:

        H = [h; h_1 of neighbour 1; ..; h_8 of neighbour 8; cell 1; ..; cell 9]

    Cells are in reading order. With R rows, cell row k = 0, 1, 2 holds those from
    `floor(k * R / 3)` up to, and without, `ceil((k + 1) * R / 3)`, and columns alike:
    where three does not divide the rows, those at a border belong to both cells, so
    that mirroring an image mirrors its cells. An image of one row has it in all three
    cells, one of two rows has both in the middle cell.

    Masked pixels have zero states, as pixels beyond the image have, and are left out of
    the maximum; the grid spans the real pixels, from the first to the last row and
    column of them. A padded image thus gives what the image alone gives, whatever its
    padding holds. A cell without a real pixel is zero.

    Reference: Liang et al., 2016 (https://arxiv.org/abs/1511.04510).
    Written from a summary of the paper: what it leaves open follows Grid LSTM, as in
    `PixelLSTM`, and the grid's borders are a choice of this layer.

    Args:
        units: Integer, units of each hidden state and memory.
        depth: Integer, layers.
        tied: Whether all layers share their weights.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`.
        mask: Boolean tensor `(batch, height, width)`, True for a real pixel, or None.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, height, width, units)`.

    Raises:
        ValueError: `units` or `depth` is not positive, the inputs are not images, or,
            called eagerly, a mask removes every pixel of one.

    Example:

    >>> LocalGlobalLSTM(8, depth=2)(keras.ops.ones((2, 6, 4, 3))).shape
    TensorShape([2, 6, 4, 8])
    """

    cells = 9

    def surroundings(self, images, mask):
        if mask is None:
            mask = ops.ones_like(images[..., 0], "bool")
        rows, columns = grid_cells(mask)
        return lambda h: pool_cells(h, mask, rows, columns)
