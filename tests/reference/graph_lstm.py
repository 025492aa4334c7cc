"""Graph LSTM one node at a time, in NumPy (Liang et al., 2016).

    hbar_i = mean_j(q_j h_j[t+1] + (1 - q_j) h_j[t])    over the neighbours j of i
    gu = sigma(Wu.f_i + Uu.h_i + Uun.hbar_i + bu)
    gf_ij = sigma(Wf.f_i + Ufn.h_j[t] + bf)
    gf_i = sigma(Wf.f_i + Uf.h_i + bf)
    go = sigma(Wo.f_i + Uo.h_i + Uon.hbar_i + bo)
    gc = tanh(Wc.f_i + Uc.h_i + Ucn.hbar_i + bc)
    m_i[t+1] = mean_j(q_j gf_ij * m_j[t+1] + (1 - q_j) gf_ij * m_j[t])
               + gf_i * m_i[t] + gu * gc
    h_i[t+1] = tanh(go * m_i[t+1])

Gates are packed as u, f, c, o. The most confident node comes first, ties lower index
first.
"""

import numpy as np
from reference.lstm import sigmoid


def graph_lstm(x, neighbours, weights, confidence, initial_state):
    """One graph: x (N, F), a list of neighbours per node -> h, m (N, U).

    `weights` are W (F, 4U), U (U, 4U), Un (U, 4U), b (4U,); nodes of confidence None
    are padding.
    """
    kernel, recurrent, from_neighbour, bias = weights
    h, m = initial_state
    new_h, new_m = np.zeros(h.shape), np.zeros(m.shape)
    nodes = [i for i, c in enumerate(confidence) if c is not None]
    q = dict.fromkeys(nodes, False)
    w_u, w_f, w_c, w_o = np.split(kernel, 4, -1)
    u_u, u_f, u_c, u_o = np.split(recurrent, 4, -1)
    n_u, n_f, n_c, n_o = np.split(from_neighbour, 4, -1)
    b_u, b_f, b_c, b_o = np.split(bias, 4)
    for i in sorted(nodes, key=lambda i: (-confidence[i], i)):
        around = [j for j in neighbours[i] if j in q]
        hbar, kept = np.zeros(h.shape[-1]), np.zeros(m.shape[-1])
        for j in around:
            hbar += (new_h[j] if q[j] else h[j]) / len(around)
            gf_ij = sigmoid(x[i] @ w_f + h[j] @ n_f + b_f)
            kept += gf_ij * (new_m[j] if q[j] else m[j]) / len(around)
        gu = sigmoid(x[i] @ w_u + h[i] @ u_u + hbar @ n_u + b_u)
        gf = sigmoid(x[i] @ w_f + h[i] @ u_f + b_f)
        go = sigmoid(x[i] @ w_o + h[i] @ u_o + hbar @ n_o + b_o)
        gc = np.tanh(x[i] @ w_c + h[i] @ u_c + hbar @ n_c + b_c)
        new_m[i] = kept + gf * m[i] + gu * gc
        new_h[i] = np.tanh(go * new_m[i])
        q[i] = True
    return new_h, new_m
