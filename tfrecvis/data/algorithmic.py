"""Sequences whose answer must be computed or remembered, drawn at random.

Endless generators of `(inputs, targets)` batches for `model.fit`: integers
`(batch, steps)`, one token per step. Token 0, written "-" below, separates, pads and
ends an answer. The answer is asked for after the question, and never put back in.

Reference: Kalchbrenner et al., 2015, sections 4.2 and 4.3
(https://arxiv.org/abs/1507.01526).
"""

import numpy as np

from tfrecvis.ops.checks import check_integer

ADDITION_TOKENS = 11  # 0 for "-", and d + 1 for the digit d


def memorisation(length, symbols, batch_size, seed=0):
    """Batches of random symbols that are to be repeated once all were read.

        inputs   - 3 1 2 - - - -
        targets  - - - - 3 1 2 -

    Symbols are the tokens 1 to `symbols`, each as likely as the others.

    Args:
        length: Integer, symbols in a sequence. The paper has 20.
        symbols: Integer, how many different ones there are. The paper has 64.
        batch_size: Integer.
        seed: Integer >= 0. Equal seeds give equal batches.

    Yields:
        `(inputs, targets)`, int32 `(batch_size, 2 * length + 2)` each.

    Raises:
        ValueError: an argument is too small.

    Example:

    >>> inputs, targets = next(memorisation(length=3, symbols=9, batch_size=2))
    >>> inputs.shape, bool((inputs[:, 1:4] == targets[:, 4:7]).all())
    ((2, 8), True)
    """
    _check(length=length, symbols=symbols, batch_size=batch_size)
    return _memorisation(length, symbols, batch_size, _generator(seed))


def addition(digits, batch_size, seed=0):
    """Batches of two numbers, digit by digit, and of their sum.

        inputs   - 1 2 3 - 8 9 9 - - - - -
        targets  - - - - - - - - 1 0 2 2 -

    Numbers have exactly `digits` digits, the first not zero, each number as likely as
    the others; the sum has as many digits or one more. Digit d is token d + 1:
    `ADDITION_TOKENS` tokens in all.

    Args:
        digits: Integer, digits of both numbers, at most 18. The paper has 15.
        batch_size: Integer.
        seed: Integer >= 0. Equal seeds give equal batches.

    Yields:
        `(inputs, targets)`, int32 `(batch_size, 3 * digits + 4)` each.

    Raises:
        ValueError: an argument is too small or too large.

    Example:

    >>> inputs, targets = next(addition(digits=3, batch_size=2))
    >>> inputs.shape, bool(targets.max() < ADDITION_TOKENS)
    ((2, 13), True)
    """
    _check(digits=digits, batch_size=batch_size)
    if digits > 18:
        raise ValueError(
            "Sums of more than 18 digits do not fit in 64 bits. Received: "
            f"digits={digits}. Use 18 or less."
        )
    return _addition(digits, batch_size, _generator(seed))


def _memorisation(length, symbols, batch_size, rng):
    while True:
        inputs = np.zeros((batch_size, 2 * length + 2), "int32")
        targets = np.zeros_like(inputs)
        drawn = rng.integers(1, symbols + 1, (batch_size, length))
        inputs[:, 1 : length + 1] = drawn
        targets[:, length + 1 : -1] = drawn
        yield inputs, targets


def _addition(digits, batch_size, rng):
    lowest = 10 ** (digits - 1) if digits > 1 else 0
    while True:
        numbers = rng.integers(lowest, 10**digits, (2, batch_size))
        inputs = np.zeros((batch_size, 3 * digits + 4), "int32")
        targets = np.zeros_like(inputs)
        first, second = _tokens(numbers, digits)
        inputs[:, 1 : digits + 1] = first
        inputs[:, digits + 2 : 2 * digits + 2] = second
        sums = numbers.sum(0)
        longer = sums >= 10**digits
        start = 2 * digits + 2
        targets[longer, start : start + digits + 1] = _tokens(sums[longer], digits + 1)
        targets[~longer, start : start + digits] = _tokens(sums[~longer], digits)
        yield inputs, targets


def _tokens(numbers, digits):
    """Decimal digits as tokens, the most significant first, on a new last axis."""
    powers = 10 ** np.arange(digits)[::-1]
    return numbers[..., None] // powers % 10 + 1


def _check(**sizes):
    for name, value in sizes.items():
        check_integer(name, value)


def _generator(seed):
    check_integer("seed", seed, least=0)
    return np.random.default_rng(seed)
