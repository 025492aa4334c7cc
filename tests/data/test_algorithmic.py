from itertools import islice

import numpy as np
import pytest

from tfrecvis.data import ADDITION_TOKENS, addition, memorisation


def number(tokens):
    """The number that digit tokens spell, as a person would read it."""
    return int("".join(str(token - 1) for token in tokens if token))


def test_sum_follows_once_both_numbers_were_read():
    for inputs, targets in islice(addition(3, 512, seed=1), 20):
        for row, answer in zip(inputs, targets, strict=True):
            dashes = np.flatnonzero(row == 0)
            np.testing.assert_array_equal(dashes, [0, 4, 8, 9, 10, 11, 12])
            assert (answer[:8] == 0).all()
            assert answer[-1] == 0
            digits = len(str(number(row[1:4]) + number(row[5:8])))
            assert (answer[8 : 8 + digits] > 0).all()
            assert (answer[8 + digits :] == 0).all()


@pytest.mark.parametrize("digits", [1, 2, 15, 18])
def test_targets_spell_the_sum_of_the_inputs(digits):
    inputs, targets = next(addition(digits, 200))
    assert inputs.shape == targets.shape == (200, 3 * digits + 4)
    assert inputs.dtype == targets.dtype == np.int32
    for row, answer in zip(inputs, targets, strict=True):
        first, second = row[1 : digits + 1], row[digits + 2 : 2 * digits + 2]
        assert number(answer) == number(first) + number(second)
        if digits > 1:
            assert first[0] > 1
            assert second[0] > 1  # no number starts with the digit zero


def test_digits_are_spread_over_all_tokens():
    inputs, _ = next(addition(5, 2000))
    digits = inputs[:, 2:6]
    counts = np.bincount(digits.ravel(), minlength=ADDITION_TOKENS)[1:] / digits.size
    # 8000 draws: four deviations are 1.3 %.
    np.testing.assert_allclose(counts, 0.1, atol=0.014)


@pytest.mark.parametrize(("length", "symbols"), [(1, 1), (3, 9), (20, 64)])
def test_targets_repeat_the_symbols_once_all_were_read(length, symbols):
    inputs, targets = next(memorisation(length, symbols, 300))
    assert inputs.shape == targets.shape == (300, 2 * length + 2)
    assert inputs.dtype == targets.dtype == np.int32
    drawn = inputs[:, 1 : length + 1]
    assert set(np.unique(drawn)) == set(range(1, symbols + 1))
    np.testing.assert_array_equal(targets[:, length + 1 : -1], drawn)
    asked, answered = slice(1, length + 1), slice(-length - 1, -1)
    for tokens, place in ((inputs, asked), (targets, answered)):
        rest = tokens.copy()
        rest[:, place] = 0
        assert (rest == 0).all()


@pytest.mark.parametrize(
    "make", [lambda s: addition(4, 8, seed=s), lambda s: memorisation(4, 9, 8, seed=s)]
)
def test_batches_are_a_pure_function_of_the_seed(make):
    first, again, other = (list(islice(make(seed), 3)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (np.array(first) != np.array(other)).any()
    assert (first[0][0] != first[1][0]).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: memorisation(3, 4.5, 2), "Received: symbols=4.5"),
        (lambda: memorisation(True, 4, 2), "Received: length=True"),
        (lambda: addition(None, 2), "Received: digits=None"),
        (lambda: memorisation(3, 4, 2, seed=1.5), "Received: seed=1.5"),
        (
            lambda: addition(0, 8),
            "`digits` must be an integer of at least 1. Received: digits=0",
        ),
        (lambda: addition(19, 8), "64 bits. Received: digits=19. Use 18 or less"),
        (lambda: addition(3, 0), "`batch_size` must be .* Received: batch_size=0"),
        (
            lambda: addition(3, 8, seed=-1),
            "`seed` must be an integer of at least 0. Received: seed=-1",
        ),
        (lambda: memorisation(0, 9, 8), "Received: length=0"),
        (lambda: memorisation(3, 0, 8), "Received: symbols=0"),
    ],
)
def test_bad_argument_is_refused_before_the_first_batch(make, message):
    with pytest.raises(ValueError, match=message):
        make()
