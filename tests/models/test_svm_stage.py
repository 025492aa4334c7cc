"""The numbers of R-CNN's last stage, beside slow solutions of the same problems."""

import numpy as np
import pytest
from scipy import linalg, optimize

from tfrecvis.models.detection import svm_stage
from tfrecvis.models.detection.svm_stage import Machine, ridge_of_whitened


def costs(kernel, bias, positives, negatives):
    """What the machine of the published code minimises; its bias is 10 times a weight.

    1/2 (|w|^2 + (b / 10)^2) + C (2 sum of positives' hinges + sum of the others')
    """
    total = (kernel @ kernel + (bias / 10) ** 2) / 2
    for x in positives:
        total += 1e-3 * 2 * max(0, 1 - (x @ kernel + bias))
    for x in negatives:
        total += 1e-3 * max(0, 1 + (x @ kernel + bias))
    return total


def test_machine_minimises_the_costs_of_the_paper():
    rng = np.random.default_rng(0)
    positives = rng.normal(1.0, 4.0, (12, 3))
    negatives = rng.normal(-2.0, 4.0, (40, 3))
    machine = Machine(positives)
    machine.look_at(negatives[:15])
    machine.look_at(negatives[15:])
    kernel, bias = machine.weights()
    found = costs(kernel, bias, positives, negatives)
    best = optimize.minimize(
        lambda w: costs(w[:3], 10 * w[3], positives, negatives),
        np.zeros(4),
        method="Powell",
        options={"xtol": 1e-8, "ftol": 1e-10, "maxfev": 20_000},
    )
    assert found == pytest.approx(best.fun, rel=2e-3)


def test_only_hard_background_is_learnt_once_there_is_a_machine(monkeypatch):
    monkeypatch.setattr(svm_stage, "RETRAIN", 10)
    rng = np.random.default_rng(1)
    machine = Machine(rng.normal(20, 1, (30, 2)))
    machine.look_at(rng.normal(-20, 1, (9, 2)))
    assert machine.fitted is None  # too few to begin
    machine.look_at(rng.normal(-20, 1, (1, 2)))
    kernel, bias = machine.fitted
    easy, hard = np.full((5, 2), -30.0), np.full((3, 2), 19.0)
    assert (easy @ kernel + bias < -1).all() and (hard @ kernel + bias > -1).all()
    machine.look_at(np.concatenate([easy, hard]))
    assert sum(map(len, machine.negatives)) == 10 + 3
    before = machine.fitted
    after = machine.weights()
    assert not np.array_equal(before[0], after[0])


def test_class_without_background_is_found_everywhere():
    kernel, bias = Machine(np.ones((2, 3))).weights()
    assert not kernel.any() and bias == 1


@pytest.mark.parametrize("count", [30, 4])  # more and fewer than features
def test_ridge_equals_least_squares_with_rows_of_penalty(count):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(count, 6))
    y = rng.normal(size=(count, 3)) @ rng.normal(size=(3, 3)) + 2
    kernel, bias = ridge_of_whitened(x, y, 5.0)
    mean = y.mean(0)
    covariance = np.cov(y, rowvar=False, bias=True) + 0.001 * np.eye(3)
    root = linalg.sqrtm(covariance).real
    targets = (y - mean) @ np.linalg.inv(root)
    rows = np.concatenate([np.c_[x, np.ones(count)], np.sqrt(5.0) * np.eye(7)])
    weights = np.linalg.lstsq(rows, np.r_[targets, np.zeros((7, 3))], rcond=None)[0]
    expected = weights @ root
    np.testing.assert_allclose(kernel, expected[:-1], atol=1e-8)
    np.testing.assert_allclose(bias, expected[-1] + mean, atol=1e-8)
