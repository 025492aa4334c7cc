"""MDLSTM pixel by pixel, in NumPy (Graves et al., 2007; Leifert et al., 2016)."""

import numpy as np
from reference.causal_layers import pixel
from reference.lstm import sigmoid


def md_lstm(x, kernel, recurrent_kernel, bias, stable=False):
    """The direction down_right; gates i, f_1, f_2, g, o, or i, f, l, g, o."""
    units = len(bias) // 5
    above, beside = np.split(recurrent_kernel, 2)
    h, m = np.zeros((2, *x.shape[:3], units))
    for b, r, c in np.ndindex(*x.shape[:3]):
        z = bias + x[b, r, c] @ kernel
        z = z + pixel(h, b, r - 1, c) @ above + pixel(h, b, r, c - 1) @ beside
        i, p, q, g, o = np.split(z, 5)
        m_above, m_beside = pixel(m, b, r - 1, c), pixel(m, b, r, c - 1)
        if stable:
            share = sigmoid(q)
            kept = sigmoid(p) * (share * m_above + (1 - share) * m_beside)
        else:
            kept = sigmoid(p) * m_above + sigmoid(q) * m_beside
        m[b, r, c] = kept + sigmoid(i) * np.tanh(g)
        h[b, r, c] = sigmoid(o) * np.tanh(m[b, r, c])
    return h
