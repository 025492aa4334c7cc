"""LG-LSTM, P-LSTM and MS-LSTM, one position at a time, in NumPy.

    H = [h; h_1 of neighbour 1; ..; h_D of neighbour D; global]
    h', m' = LSTM(H, m, W)
    h'_d, m'_d = LSTM(H, m_d of neighbour d, W_s)

    LSTM(H, m, W):  i, f, o = sigmoid(W.H + b), g = tanh(W.H + b)
                    m' = f * m + i * g, h' = tanh(o * m')

Liang et al., 2016 (LG-LSTM); Peng et al., 2016 (P-LSTM: nothing global; MS-LSTM: nodes,
and "neighbour d" is the mean over the neighbours of scale d).
"""

import math

import numpy as np
from reference.lstm import sigmoid

DIRECTIONS = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]


def block(H, m, kernel, bias):
    i, f, g, o = np.split(H @ kernel + bias, 4)
    m = sigmoid(f) * m + sigmoid(i) * np.tanh(g)
    return np.tanh(sigmoid(o) * m), m


def start(x, weights, real, directions):
    """Depth states `(..., U)` and direction states `(..., D, U)` before layer one."""
    units = weights["depth_bias"].shape[-1] // 4
    states = [np.zeros((*x.shape[:-1], units)) for _ in range(2)]
    states += [np.zeros((*x.shape[:-1], directions, units)) for _ in range(2)]
    for place in np.argwhere(real):
        place = tuple(place)
        z = x[place] @ weights["input_kernel"] + weights["input_bias"]
        for state, value in zip(states, np.split(z, 4), strict=True):
            state[place] = value
    return states


def run(x, weights, real, depth, directions, neighbour, surroundings):
    """`neighbour(state, place, d)` and `surroundings(h, place)` are functions."""
    states = start(x, weights, real, directions)

    def of_layer(name, n):
        kernel, bias = weights[f"{name}_kernel"], weights[f"{name}_bias"]
        return kernel[n % len(kernel)], bias[n % len(bias)]

    for n in range(depth):
        h, m, h_d, m_d = states
        states = [np.zeros_like(state) for state in states]
        for place in np.argwhere(real):
            place = tuple(place)
            near = [neighbour(h_d, place, d) for d in range(directions)]
            H = np.concatenate([h[place], *near, *surroundings(h, place)])
            states[0][place], states[1][place] = block(
                H, m[place], *of_layer("depth", n)
            )
            if n == depth - 1:
                continue  # nobody reads the directions of the last layer
            for d in range(directions):
                states[2][place][d], states[3][place][d] = block(
                    H, neighbour(m_d, place, d), *of_layer("spatial", n)
                )
    return states[0]


def cells(h, real):
    """The largest real value in each cell of a 3x3 grid over the real part."""
    places = np.argwhere(real)
    (top, left), (bottom, right) = places.min(0), places.max(0) + 1
    rows, columns = bottom - top, right - left
    found = []
    for i in range(3):
        for j in range(3):
            best = np.full(h.shape[-1], -np.inf)
            for r in range(top + math.floor(i * rows / 3), bottom):
                for c in range(left + math.floor(j * columns / 3), right):
                    inside = r < top + math.ceil((i + 1) * rows / 3)
                    inside &= c < left + math.ceil((j + 1) * columns / 3)
                    if inside and real[r, c]:
                        best = np.maximum(best, h[r, c])
            found.append(np.where(np.isinf(best), 0, best))
    return found


def image_lstm(images, weights, depth, with_cells, mask=None):
    """`images` (B, H, W, C), `mask` (B, H, W); LG-LSTM with cells, P-LSTM without."""
    if mask is None:
        mask = np.ones(images.shape[:3], bool)
    outputs = []
    for x, real in zip(images, mask, strict=True):
        height, width = real.shape

        def neighbour(state, place, d, height=height, width=width):
            r, c = place[0] + DIRECTIONS[d][0], place[1] + DIRECTIONS[d][1]
            if 0 <= r < height and 0 <= c < width:
                return state[r, c, d]
            return np.zeros(state.shape[-1])

        def surroundings(h, place, real=real):
            return cells(h, real) if with_cells else []

        outputs.append(run(x, weights, real, depth, 8, neighbour, surroundings))
    return np.stack(outputs)


def superpixel_lstm(features, neighbours, weights, depth, mask=None):
    """`features` (B, N, F), `neighbours` (B, N, S, K), -1 for none, `mask` (B, N)."""
    if mask is None:
        mask = np.ones(features.shape[:2], bool)
    outputs = []
    for x, lists, real in zip(features, neighbours, mask, strict=True):

        def neighbour(state, place, d, lists=lists, real=real):
            read = [j for j in lists[place[0], d] if j >= 0 and real[j]]
            if not read:
                return np.zeros(state.shape[-1])
            return sum(state[j, d] for j in read) / len(read)

        scales = neighbours.shape[2]
        outputs.append(
            run(x, weights, real, depth, scales, neighbour, lambda h, place: [])
        )
    return np.stack(outputs)
