"""The Contextual LSTM step by step in NumPy (Ghosh et al., 2016).

    i = sigmoid(W_i.x + U_i.h + p_i * c' + b_i + V_i.T)    c': the step before
    f = sigmoid(W_f.x + U_f.h + p_f * c' + b_f + V_f.T)
    c = f * c' + i * tanh(W_c.x + U_c.h + b_c + V_c.T)
    o = sigmoid(W_o.x + U_o.h + p_o * c + b_o + V_o.T)
    h = o * tanh(c)

A masked step leaves h and c as they are and outputs zeros.
"""

import numpy as np
from reference.lstm import sigmoid


def contextual_lstm(x, context, weights, h, c, mask=None, reverse=False):
    """Outputs beside their steps, last h, last c.

    `x` (B, T, C); `context` (B, K) or (B, T, K) or None; `weights` by name: kernel,
    recurrent_kernel, bias, context_kernel (of one gate if shared), peepholes (i, f, o).
    """
    batch, steps, _ = x.shape
    units = h.shape[-1]
    W, U, b = (weights[n] for n in ("kernel", "recurrent_kernel", "bias"))
    p = weights.get("peepholes", np.zeros((3, units)))
    h, c = h.copy(), c.copy()
    output = np.zeros((batch, steps, units))

    def gate(n, x, h, topic):
        part = slice(n * units, (n + 1) * units)
        z = x @ W[:, part] + h @ U[:, part] + b[part]
        if topic is not None:
            V = weights["context_kernel"]
            z = z + topic @ (V if V.shape[1] == units else V[:, part])
        return z

    for n in range(batch):
        for t in reversed(range(steps)) if reverse else range(steps):
            if mask is not None and not mask[n, t]:
                continue
            topic = context
            if context is not None:
                topic = context[n] if context.ndim == 2 else context[n, t]
            z_i, z_f, z_g, z_o = (gate(k, x[n, t], h[n], topic) for k in range(4))
            i, f = sigmoid(z_i + p[0] * c[n]), sigmoid(z_f + p[1] * c[n])
            c[n] = f * c[n] + i * np.tanh(z_g)
            h[n] = sigmoid(z_o + p[2] * c[n]) * np.tanh(c[n])
            output[n, t] = h[n]
    return output, h, c
