"""P-LSTM: every pixel reads its eight neighbours, layer after layer."""

import keras

from tfrecvis.layers.neighbour_lstm import EightNeighbourLSTM


@keras.saving.register_keras_serializable("tfrecvis")
class PixelLSTM(EightNeighbourLSTM):
    """Stacked LSTMs of all pixels at once, that read their eight neighbours.

    A pixel has a hidden state h and a memory m along the depth, and one pair h_d, m_d
    for each direction d: upper left, up, upper right, left, right, lower left, down,
    lower right. A layer reads the states of the layer before it:

        H = [h; h_1 of neighbour 1; ..; h_8 of neighbour 8]
        h', m' = LSTM(H, m, W)
        h'_d, m'_d = LSTM(H, m_d of neighbour d, W_s)    d = 1 .. 8, the same W_s

    where `LSTM(H, m, W)` is, as in Grid LSTM,

        i, f, o, g = sigmoid(W_i . H + b_i), .., .., tanh(W_g . H + b_g)
        m' = f * m + i * g
        h' = tanh(o * m')

    A memory goes with its hidden state along its direction: after k layers it has come
    from k pixels away. Beyond the image all states are zero. Before the first layer,
    `input_kernel` and `input_bias` project the features into h, m, and the h_d and m_d
    of all directions. The output is h after the last layer, whose directions are
    not read and which therefore has no W_s.

    `depth_kernel` W and `spatial_kernel` W_s pack the gates in the order i, f, g, o;
    their first axis is the layer, of size one if tied. Forget biases start at one.
    Memories are kept in float32 under every precision policy.

    Masked pixels have zero states, as pixels beyond the image have, so that a padded
    image gives what the image alone gives, whatever its padding holds.

    Reference: Peng et al., 2016, P-LSTM of H-LSTM (https://arxiv.org/abs/1604.01931).
    Written from a summary of the paper: the block, the projection before the first
    layer and the way of the memories are those of Grid LSTM, Kalchbrenner et al., 2015
    (https://arxiv.org/abs/1507.01526).

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

    >>> PixelLSTM(8, depth=2)(keras.ops.ones((2, 6, 4, 3))).shape
    TensorShape([2, 6, 4, 8])
    """
