"""LSTM-CF pixel by pixel, in NumPy (Li et al., 2016).

    v_m: an LSTM down and one up every column of modality m, hidden states side by side
    v = [v_1; v_2; ...]
    y: an LSTM right and one left along every row of v, hidden states side by side

A masked pixel is read as zero, leaves the state as it is and outputs zeros.
"""

import numpy as np
from reference.lstm import sigmoid


def lstm_line(x, real, kernel, recurrent_kernel, bias, backwards):
    """Hidden states along one line `(T, C)`, beside their pixels."""
    units = len(recurrent_kernel)
    h, c = np.zeros(units), np.zeros(units)
    output = np.zeros((len(x), units))
    for t in reversed(range(len(x))) if backwards else range(len(x)):
        if not real[t]:
            continue
        i, f, g, o = np.split(x[t] @ kernel + h @ recurrent_kernel + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        output[t] = h
    return output


def both_ways(x, real, weights):
    """`weights`: kernel, recurrent kernel and bias, the directions leading."""
    ways = [lstm_line(x, real, *(w[k] for w in weights), k == 1) for k in range(2)]
    return np.concatenate(ways, -1)


def fusion_lstm(modalities, vertical, horizontal, mask=None):
    """`modalities`: list of (B, H, W, C); `vertical`: weights of each; `mask`: one."""
    batch, height, width, _ = modalities[0].shape
    if mask is None:
        mask = np.ones((batch, height, width), bool)
    units = horizontal[1].shape[1]
    y = np.zeros((batch, height, width, 2 * units))
    for n in range(batch):
        v = np.zeros((height, width, len(modalities) * 2 * units))
        for m, (x, weights) in enumerate(zip(modalities, vertical, strict=True)):
            part = slice(2 * units * m, 2 * units * (m + 1))
            for column in range(width):
                real = mask[n, :, column]
                line = np.where(real[:, None], x[n, :, column], 0)
                v[:, column, part] = both_ways(line, real, weights)
        for row in range(height):
            y[n, row] = both_ways(v[row], mask[n, row], horizontal)
    return y
