"""Tree-LSTM one node at a time, in NumPy (Tai et al., 2015).

Child-Sum (equations 2 to 8), over the children k of node j:

    h~ = sum_k h_k
    i = sigma(Wi.x + Ui.h~ + bi), o alike, u = tanh(Wu.x + Uu.h~ + bu)
    f_k = sigma(Wf.x + Uf.h_k + bf)
    c = i * u + sum_k f_k * c_k,  h = o * tanh(c)

N-ary (equations 9 to 14), with own matrices for each child position l:

    i = sigma(Wi.x + sum_l Ui_l.h_l + bi), o and u alike
    f_k = sigma(Wf.x + sum_l Uf_kl.h_l + bf)

Weights are packed as the layer's: W and b as i, f, u, o; U of the N-ary variant in
blocks (l, gate) with the gates i, f_1 .. f_N, u, o.
"""

import numpy as np
from reference.lstm import sigmoid


def bottom_up(children):
    """The nodes of a tree, children before their parents."""
    order, left = [], list(range(len(children)))
    while left:
        ready = [j for j in left if all(k in order for k in children[j] if k >= 0)]
        order += ready
        left = [j for j in left if j not in ready]
    return order


def tree_lstm(x, children, weights, max_children=None):
    """One tree: x (N, F), a list of children per node -> h, c (N, U)."""
    kernel, recurrent, bias = weights
    units = kernel.shape[1] // 4
    w = dict(zip("ifuo", np.split(kernel, 4, -1), strict=True))
    b = dict(zip("ifuo", np.split(bias, 4), strict=True))
    h, c = np.zeros((len(x), units)), np.zeros((len(x), units))
    for j in bottom_up(children):
        z = {gate: x[j] @ w[gate] + b[gate] for gate in "iuo"}
        z_f = {}
        if max_children is None:
            u = dict(zip("ifuo", np.split(recurrent, 4, -1), strict=True))
            own = [k for k in children[j] if k >= 0]
            h_sum = sum((h[k] for k in own), np.zeros(units))
            for gate in "iuo":
                z[gate] += h_sum @ u[gate]
            for k in own:
                z_f[k] = x[j] @ w["f"] + h[k] @ u["f"] + b["f"]
        else:
            blocks = recurrent.reshape(max_children, units, 3 + max_children, units)
            place = {"i": 0, "u": max_children + 1, "o": max_children + 2}
            for position, k in enumerate(children[j]):
                if k < 0:
                    continue
                for gate, column in place.items():
                    z[gate] += h[k] @ blocks[position, :, column]
                z_f[k] = x[j] @ w["f"] + b["f"]
                for other, sibling in enumerate(children[j]):
                    if sibling >= 0:
                        z_f[k] += h[sibling] @ blocks[other, :, 1 + position]
        c[j] = sigmoid(z["i"]) * np.tanh(z["u"])
        for k, gate in z_f.items():
            c[j] += sigmoid(gate) * c[k]
        h[j] = sigmoid(z["o"]) * np.tanh(c[j])
    return h, c
