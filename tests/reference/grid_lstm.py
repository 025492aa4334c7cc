"""Grid LSTM position by position and layer by layer (Kalchbrenner et al., 2015).

At a position of a layer the block takes h_k and m_k from the block before it in each
dimension k; the depth is the last dimension.

    H = [h_1; ...; h_N],  (h'_k, m'_k) = LSTM(H, m_k, W_k)          section 3
    dimensions of priority read H with the others' h' already in it  section 3.2
    without an LSTM: h'_k = transform(W_k . H)                       section 3.3

A masked position passes on, in every dimension, what it was given.
"""

import itertools

import numpy as np
from reference.lstm import sigmoid

TRANSFORMS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
}


def transform(name, joined, m, kernel, bias, peepholes, output_gate):
    """One dimension of one block: (h', m')."""
    z = joined @ kernel + bias
    if name != "lstm":
        return TRANSFORMS[name](z), None
    i, f, g, o = np.split(z, 4)
    p_i, p_f, p_o = np.split(
        np.zeros(3 * len(m)) if peepholes is None else peepholes, 3
    )
    m_new = sigmoid(f + p_f * m) * m + sigmoid(i + p_i * m) * np.tanh(g)
    o = sigmoid(o + p_o * m_new)
    return np.tanh(o * m_new) if output_gate == "inside" else o * np.tanh(m_new), m_new


def grid_lstm(
    x,
    kernel,
    bias,
    kernels,
    biases,
    depth,
    transforms,
    peepholes=None,
    priority=(),
    output_gate="inside",
    reverse=(),
    initial_state=None,
    mask=None,
):
    """One grid `(*grid, features)`: outputs, and the first axis' last state.

    `kernels`, `biases`, `peepholes`: for each layer, one entry per dimension.
    `initial_state`: arrays `(*grid[1:], depth, units)`.
    """
    grid, units = x.shape[:-1], kernels[0][0].shape[0] // len(transforms)
    last = len(grid)
    outputs = np.zeros((*grid, units))
    states = {}  # (place, layer) -> what its block gives on: a (h, m) each dimension
    final = {}

    def before(place, layer, k):
        """What arrives at a block in dimension k."""
        if k == last:
            if layer > 0:
                return states[place, layer - 1][k]
            given = x[place] @ kernel + bias
            if transforms[k] == "lstm":
                return tuple(np.split(given, 2))
            return given, None
        earlier = list(place)
        earlier[k] += 1 if k in reverse else -1
        if 0 <= earlier[k] < grid[k]:
            return states[tuple(earlier), layer][k]
        if k == 0 and initial_state is not None:
            entry = [s[(*place[1:], layer)] for s in initial_state]
            return tuple(entry) if len(entry) == 2 else (entry[0], None)
        return np.zeros(units), np.zeros(units) if transforms[k] == "lstm" else None

    order = [range(n)[:: -1 if k in reverse else 1] for k, n in enumerate(grid)]
    for place in itertools.product(*order):
        real = mask is None or mask[place]
        for layer in range(depth):
            given = [before(place, layer, k) for k in range(last + 1)]
            new = list(given)
            if real:
                chosen = [k % (last + 1) for k in priority]
                for late in (False, True):
                    joined = np.concatenate([h for h, _ in new])
                    updates = {
                        k: transform(
                            transforms[k],
                            joined,
                            given[k][1],
                            kernels[layer][k],
                            biases[layer][k],
                            None if peepholes is None else peepholes[layer][k],
                            output_gate,
                        )
                        for k in range(last + 1)
                        if (k in chosen) == late
                    }
                    for k, update in updates.items():
                        new[k] = update
            states[place, layer] = new
            if grid:
                # The last visit of a line along the first axis is its end.
                final[(*place[1:], layer)] = new[0]
        if real:
            outputs[place] = states[place, depth - 1][last][0]
    if not grid:
        return outputs, []
    count = 2 if transforms[0] == "lstm" else 1
    state = [np.zeros((*grid[1:], depth, units)) for _ in range(count)]
    for lane, entry in final.items():
        for array, value in zip(state, entry, strict=False):
            array[lane] = value
    return outputs, state
