"""The GRU step by step, sequence by sequence, in NumPy.

    z = sigmoid(x_z + R_z . h[t-1])
    r = sigmoid(x_r + R_r . h[t-1])
    n = tanh(x_n + R_n . (r * h[t-1]))          Cho et al., 2014
    n = tanh(x_n + r * (R_n . h[t-1] + b_n))    cuDNN: the reset gate after the product
    h[t] = z * h[t-1] + (1 - z) * n             z as in Keras: Cho's z is 1 - z

x are the inputs, or W . inputs[t] + bias. The recurrent bias b = (b_z, b_r, b_n) is
added to each of the products R . h.
"""

import numpy as np
from reference.lstm import sigmoid


def gru(
    inputs,
    recurrent_kernel,
    h,
    kernel=None,
    bias=None,
    recurrent_bias=None,
    mask=None,
    reset_after=True,
    reverse=False,
):
    """`inputs` (T, B, 3 * U), or (T, B, C) if there is a kernel; `h` (B, U), `mask`
    (T, B, 1).
    """
    steps, batch, _ = inputs.shape
    units = h.shape[-1]
    b_hh = np.zeros(3 * units) if recurrent_bias is None else recurrent_bias
    gate = [slice(k * units, (k + 1) * units) for k in range(3)]
    kernels = [recurrent_kernel[:, g] for g in gate]
    output = np.zeros((steps, batch, units), inputs.dtype)
    for t in reversed(range(steps)) if reverse else range(steps):
        new_h = np.zeros_like(h)
        for b in range(batch):
            x, old = inputs[t, b], h[b]
            x = x if kernel is None else x @ kernel
            x = x if bias is None else x + bias
            x = [x[g] for g in gate]
            if mask is not None and not mask[t, b, 0]:
                new_h[b] = old
                continue
            z = sigmoid(x[0] + old @ kernels[0] + b_hh[gate[0]])
            r = sigmoid(x[1] + old @ kernels[1] + b_hh[gate[1]])
            if reset_after:
                n = np.tanh(x[2] + r * (old @ kernels[2] + b_hh[gate[2]]))
            else:
                n = np.tanh(x[2] + (r * old) @ kernels[2])
            new_h[b] = z * old + (1 - z) * n
        h = new_h
        output[t] = h
    return output, h
