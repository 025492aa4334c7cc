"""Soft and hard attention location by location, in NumPy (Xu et al., 2015).

    e[i] = f_att(a[i], h)    a layer of tanh units and one of a single linear unit
    alpha[i] = exp(e[i]) / sum_k exp(e[k])
    soft: z = beta * sum_i alpha[i] * a[i], beta = sigma(f_beta(h))
    hard: z = a[s]

Padded locations are left out of every sum.
"""

import numpy as np
from reference.lstm import sigmoid


def weights_of_locations(a, h, weights, real=None):
    """Alpha of one image: a `(L, D)`, h `(U,)` -> `(L,)`."""
    scores = {}
    for i in range(len(a)):
        if real is None or real[i]:
            hidden = np.tanh(
                a[i] @ weights["annotation_kernel"]
                + h @ weights["hidden_kernel"]
                + weights["bias"]
            )
            scores[i] = (hidden @ weights["score_kernel"])[0]
    total = sum(np.exp(e) for e in scores.values())
    alpha = np.zeros(len(a))
    for i, e in scores.items():
        alpha[i] = np.exp(e) / total
    return alpha


def soft(annotations, hidden, weights, mask=None):
    """Context `(B, D)` and alpha `(B, L)`."""
    context = np.zeros((len(annotations), annotations.shape[-1]))
    alphas = np.zeros(annotations.shape[:2])
    for b, (a, h) in enumerate(zip(annotations, hidden, strict=True)):
        alphas[b] = weights_of_locations(
            a, h, weights, None if mask is None else mask[b]
        )
        beta = sigmoid(h @ weights["gate_kernel"] + weights["gate_bias"])
        for i in range(len(a)):
            if mask is None or mask[b, i]:
                context[b] += beta * alphas[b, i] * a[i]
    return context, alphas


def penalty(alpha, steps, locations):
    """`sum_i (1 - sum_t alpha[t, i])^2` of one caption over its real steps and places.

    `alpha (T, L)`; `steps`, `locations`: indices of those that are real.
    """
    total = 0.0
    for i in locations:
        seen = 0.0
        for t in steps:
            seen += alpha[t, i]
        total += (1 - seen) ** 2
    return total
