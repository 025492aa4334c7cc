"""DRAW's read and write pixel by pixel, in NumPy (Gregor et al., 2015, eq. 19-29).

Pixels are counted from 1, as in the paper. The image is B rows by A columns:

    (g~X, g~Y, log sigma^2, log delta~, log gamma) = W(h)
    gX = (A + 1) / 2 * (g~X + 1)        gY = (B + 1) / 2 * (g~Y + 1)
    delta = (max(A, B) - 1) / (N - 1) * delta~
    mu_X[i] = gX + (i - N / 2 - 0.5) * delta
    F_X[i, a] = 1 / Z_X * exp(-(a - mu_X[i])^2 / (2 * sigma^2))
    read(x, x^, h) = gamma * [F_Y x F_X^T, F_Y x^ F_X^T]
    write(h) = 1 / gamma * F_Y^T w F_X
"""

import numpy as np


def filters(g, delta, variance, num_filters, size):
    f = np.zeros((num_filters, size))
    for i in range(1, num_filters + 1):
        mu = g + (i - num_filters / 2 - 0.5) * delta
        for a in range(1, size + 1):
            f[i - 1, a - 1] = np.exp(-((a - mu) ** 2) / (2 * variance))
        f[i - 1] /= f[i - 1].sum()
    return f


def grid(parameters, num_filters, height, width):
    """Filters of one image's rows and columns, and the gain."""
    gx, gy, log_variance, log_delta, log_gamma = parameters
    delta = (max(height, width) - 1) / (num_filters - 1) * np.exp(log_delta)
    variance = np.exp(log_variance)
    fx = filters((width + 1) / 2 * (gx + 1), delta, variance, num_filters, width)
    fy = filters((height + 1) / 2 * (gy + 1), delta, variance, num_filters, height)
    return fy, fx, np.exp(log_gamma)


def read(images, hidden, kernel, bias, num_filters, error_images=None):
    """`(B, H, W, C)` -> `(B, N, N, C)`, or `2 * C` with error images."""
    if error_images is not None:
        images = np.concatenate([images, error_images], -1)
    batch, height, width, channels = images.shape
    out = np.zeros((batch, num_filters, num_filters, channels))
    for b in range(batch):
        fy, fx, gamma = grid(hidden[b] @ kernel + bias, num_filters, height, width)
        for channel in range(channels):
            out[b, ..., channel] = gamma * fy @ images[b, ..., channel] @ fx.T
    return out


def write(hidden, patches, kernel, bias, height, width):
    """`w (B, N, N, C)` -> `(B, H, W, C)`."""
    batch, num_filters, _, channels = patches.shape
    out = np.zeros((batch, height, width, channels))
    for b in range(batch):
        fy, fx, gamma = grid(hidden[b] @ kernel + bias, num_filters, height, width)
        for channel in range(channels):
            out[b, ..., channel] = fy.T @ patches[b, ..., channel] @ fx / gamma
    return out
