"""The causal image layers pixel by pixel, in NumPy (van den Oord et al., 2016).

Images are `(B, H, W, C)`; gates i, f, g, o. What is outside the image is zero.
"""

import numpy as np
from reference.lstm import sigmoid


def pixel(x, b, r, c, outside=0.0):
    inside = 0 <= r < x.shape[1] and 0 <= c < x.shape[2]
    return x[b, r, c] if inside else np.full(x.shape[-1], outside)


def colour(channel, channels, num_colors):
    return channel // (channels // num_colors)


def own_pixel_kernel(kernel, num_colors, blocks, own):
    """The centre's matrix `(C, blocks * F)` without what a colour must not read."""
    channels, width = kernel.shape
    filters = width // blocks
    kept = np.zeros_like(kernel)
    for reads in range(channels):
        for writes in range(width):
            a = colour(reads, channels, num_colors)
            b = colour(writes % filters, filters, num_colors)
            if a < b or (own and a == b):
                kept[reads, writes] = kernel[reads, writes]
    return kept


def masked_conv_2d(x, kernel, bias, mask_type, num_colors=1):
    """`kernel` `(height // 2 + 1, width, C, F)`: the rows above, the centre's last."""
    rows, width = kernel.shape[:2]
    centre = own_pixel_kernel(
        kernel[-1, width // 2], num_colors, blocks=1, own=mask_type == "B"
    )
    y = np.zeros((*x.shape[:3], kernel.shape[-1]))
    for b, r, c in np.ndindex(*x.shape[:3]):
        y[b, r, c] = bias + x[b, r, c] @ centre
        for u in range(-(rows - 1), 1):
            for v in range(-(width // 2), width // 2 + 1):
                if (u, v) < (0, 0):
                    weights = kernel[u + rows - 1, v + width // 2]
                    y[b, r, c] += pixel(x, b, r + u, c + v) @ weights
    return y


def advance(z, memory):
    i, f, g, o = np.split(z, 4)
    cell = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


def row_lstm(x, kernel, recurrent_kernel, bias, initial_state=None, num_colors=1):
    """`kernel` `(k // 2 + 1, C, 4F)`, `recurrent_kernel` `(k * F, 4F)`."""
    filters, side = len(bias) // 4, len(kernel) - 1
    own = own_pixel_kernel(kernel[-1], num_colors, blocks=4, own=True)
    h, m = np.zeros((2, *x.shape[:3], filters))
    first = np.zeros((2, filters)) if initial_state is None else initial_state
    taps = np.split(recurrent_kernel, 2 * side + 1)
    for b, r, c in np.ndindex(*x.shape[:3]):
        z = bias + x[b, r, c] @ own
        for v in range(1, side + 1):
            z = z + pixel(x, b, r, c - v) @ kernel[side - v]
        for v, weights in zip(range(-side, side + 1), taps, strict=True):
            if r > 0:
                z = z + pixel(h, b, r - 1, c + v) @ weights
            elif 0 <= c + v < x.shape[2]:
                z = z + first[0] @ weights
        h[b, r, c], m[b, r, c] = advance(z, m[b, r - 1, c] if r else first[1])
    return h


def diagonal_half(x, kernel, recurrent_kernel, bias, initial_state, num_colors):
    """The half from the top left."""
    filters = len(bias) // 4
    own = own_pixel_kernel(kernel, num_colors, blocks=4, own=True)
    above, beside = np.split(recurrent_kernel, 2)
    h, m = np.zeros((2, *x.shape[:3], filters))
    for b, r, c in np.ndindex(*x.shape[:3]):
        h_beside, memory = (h[b, r, c - 1], m[b, r, c - 1]) if c else initial_state
        z = bias + x[b, r, c] @ own
        z = z + pixel(h, b, r - 1, c) @ above + h_beside @ beside
        h[b, r, c], m[b, r, c] = advance(z, memory)
    return h


def diagonal_bilstm(
    x, kernel, recurrent_kernel, bias, initial_state=None, num_colors=1
):
    """All weights with a leading axis of two: from the left, from the right."""
    filters = bias.shape[-1] // 4
    first = np.zeros((2, 2, filters)) if initial_state is None else initial_state
    halves = [
        diagonal_half(
            image, kernel[n], recurrent_kernel[n], bias[n], first[n], num_colors
        )
        for n, image in enumerate((x, x[:, :, ::-1]))
    ]
    y = halves[0].copy()
    right = halves[1][:, :, ::-1]
    for r in range(1, x.shape[1]):
        y[:, r] += right[:, r - 1]
    return y


def with_residual(x, y, kernel, bias, num_colors=1):
    return x + y @ own_pixel_kernel(kernel, num_colors, blocks=1, own=True) + bias
