"""The LSTM step by step, image by image, lane by lane, in NumPy.

    i = sigmoid(x_i + R_i . n + p_i * c[t-1])    n: the neighbours' h[t-1], side by side
    f = sigmoid(x_f + R_f . n + p_f * c[t-1])    x: the inputs, or W . inputs[t] + b
    g = tanh(x_g + R_g . n)
    c[t] = f * c[t-1] + i * g                    or sum_k f_k * c_k[t-1] + i * g
    o = sigmoid(x_o + R_o . n + p_o * c[t])
    h[t] = o * tanh(c[t])

Gers et al., 2002 (peepholes); Graves et al., 2007 (one forget gate f_k for each
neighbour k and its memory c_k); Leifert et al., 2016 (stable: the memories' mean, in
shares l and 1 - l, has one forget gate). A neighbour outside the image has h = c = 0.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(
    inputs,
    recurrent_kernel,
    h,
    c,
    kernel=None,
    bias=None,
    taps=(0,),
    forget_gates=1,
    stable=False,
    peepholes=None,
    mask=None,
    masked="carry",
    reverse=False,
):
    """`inputs` (T, B, L, gates * U), or (T, B, L, C) if there is a kernel; `h` and `c`
    (B, L, U), `mask` (T, B, L, 1).
    """
    steps, batch, lanes, _ = inputs.shape
    units = h.shape[-1]
    output = np.zeros((steps, batch, lanes, units), inputs.dtype)
    for t in reversed(range(steps)) if reverse else range(steps):
        new_h, new_c = np.zeros_like(h), np.zeros_like(c)
        for b in range(batch):
            for lane in range(lanes):
                if mask is not None and not mask[t, b, lane, 0]:
                    if masked == "carry":
                        new_h[b, lane], new_c[b, lane] = h[b, lane], c[b, lane]
                    continue
                z = inputs[t, b, lane]
                z = z if kernel is None else z @ kernel
                z = z if bias is None else z + bias
                memories = []
                for k, tap in enumerate(taps):
                    inside = 0 <= lane + tap < lanes
                    neighbour = h[b, lane + tap] if inside else np.zeros(units)
                    memories.append(c[b, lane + tap] if inside else np.zeros(units))
                    z = z + neighbour @ recurrent_kernel[k * units : (k + 1) * units]
                gates = [z[n * units : (n + 1) * units] for n in range(len(z) // units)]
                i, f, g, o = gates[0], gates[1:-2], gates[-2], gates[-1]
                if forget_gates == 1:
                    memories = [c[b, lane]]
                if peepholes is not None:
                    i = i + peepholes[0] * c[b, lane]
                    f = [f[0] + peepholes[1] * c[b, lane]]
                cell = sigmoid(i) * np.tanh(g)
                if stable:
                    share = sigmoid(f[1])
                    mean = share * memories[0] + (1 - share) * memories[1]
                    cell = cell + sigmoid(f[0]) * mean
                else:
                    for gate, memory in zip(f, memories, strict=True):
                        cell = cell + sigmoid(gate) * memory
                if peepholes is not None:
                    o = o + peepholes[2] * cell
                new_h[b, lane], new_c[b, lane] = sigmoid(o) * np.tanh(cell), cell
        h, c = new_h, new_c
        output[t] = h
    return output, h, c
