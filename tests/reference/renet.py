"""ReNet patch by patch, in NumPy (Visin et al., 2015, equations 2 to 7).

    v_F[i, j] = f_VFWD(p[i, j], v_F[i-1, j])     down each column of patches
    v_R[i, j] = f_VREV(p[i, j], v_R[i+1, j])     up
    v[i, j] = [v_F[i, j]; v_R[i, j]]
    and the same along each row of v, to the right and to the left.

A masked pixel is read as zero; a patch of masked pixels leaves the state as it is and
outputs zeros.
"""

import numpy as np
from reference.lstm import sigmoid


def patches(images, height, width):
    """Patches row by row, zeros beyond the image: (B, H / height, W / width, features).

    Features are the patch's pixels in reading order, the channels of each together.
    """
    batch, rows, columns, channels = images.shape
    down, across = -(-rows // height), -(-columns // width)
    out = np.zeros((batch, down, across, height, width, channels), images.dtype)
    for r in range(rows):
        for c in range(columns):
            out[:, r // height, c // width, r % height, c % width] = images[:, r, c]
    return out.reshape(batch, down, across, height * width * channels)


def cell_step(cell, x, state, weights):
    """One step of one sequence; `state` is (h, c) or (h,)."""
    kernel, recurrent_kernel, bias = weights
    h = state[0]
    if cell == "lstm":
        i, f, g, o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4)
        c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    x_z, x_r, x_n = np.split(x @ kernel + bias[0], 3)
    h_z, h_r, h_n = np.split(h @ recurrent_kernel + bias[1], 3)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    return (z * h + (1 - z) * np.tanh(x_n + r * h_n),)


def sweep(cell, sequence, real, weights, initial_state, reverse):
    """One direction along one sequence (T, features) -> (T, units)."""
    state = tuple(initial_state)
    outputs = np.zeros((len(sequence), len(state[0])))
    for t in reversed(range(len(sequence))) if reverse else range(len(sequence)):
        if real[t]:
            state = cell_step(cell, sequence[t], state, weights)
            outputs[t] = state[0]
    return outputs


def renet(cell, images, vertical, horizontal, patch_size=(1, 1), mask=None):
    """`vertical`, `horizontal`: two directions of (weights, initial state) each."""
    if mask is not None:
        images = np.where(mask[..., None], images, 0)
    p = patches(images, *patch_size)
    batch, rows, columns, _ = p.shape
    real = np.ones((batch, rows, columns), bool)
    if mask is not None:
        real = patches(mask[..., None], *patch_size).any(-1)
    units = len(vertical[0][1][0])
    v = np.zeros((batch, rows, columns, 2 * units))
    y = np.zeros((batch, rows, columns, 2 * units))
    for b in range(batch):
        for j in range(columns):
            v[b, :, j] = np.concatenate(
                [
                    sweep(cell, p[b, :, j], real[b, :, j], *vertical[k], k == 1)
                    for k in range(2)
                ],
                -1,
            )
        for i in range(rows):
            y[b, i] = np.concatenate(
                [
                    sweep(cell, v[b, i], real[b, i], *horizontal[k], k == 1)
                    for k in range(2)
                ],
                -1,
            )
    return y
