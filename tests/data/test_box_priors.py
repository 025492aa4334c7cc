import numpy as np
import pytest

from tfrecvis.data import box_priors
from tfrecvis.data.box_priors import shape_iou

RNG = np.random.default_rng(0)
CENTRES = np.array([[10, 12], [30, 20], [20, 60]])
SIZES = np.concatenate([c * RNG.uniform(0.9, 1.1, (50, 2)) for c in CENTRES])


def test_priors_are_the_means_of_the_clusters():
    priors, iou = box_priors(SIZES, 3)
    expected = SIZES.reshape(3, 50, 2).mean(1)  # their areas rise, too
    np.testing.assert_allclose(priors, expected)
    best = np.mean([max(slow_iou(s, p) for p in priors) for s in SIZES])
    np.testing.assert_allclose(iou, best)


def slow_iou(a, b):
    shared = min(a[0], b[0]) * min(a[1], b[1])
    return shared / (a[0] * a[1] + b[0] * b[1] - shared)


def test_distance_is_of_shapes_and_not_of_sizes():
    # A tall box of 4 x 9 shares more with 6 x 9 than with 4 x 5, which is as near.
    found = shape_iou(np.array([[4.0, 9.0]]), np.array([[6.0, 9.0], [4.0, 5.0]]))
    np.testing.assert_allclose(found, [[36 / 54, 20 / 36]])


def test_every_box_is_nearest_to_the_mean_of_its_own():
    sizes = RNG.lognormal(3, 0.7, (300, 2))
    priors, _ = box_priors(sizes, 6, seed=2)
    nearest = shape_iou(sizes, priors).argmax(1)
    means = [sizes[nearest == k].mean(0) for k in range(6)]
    np.testing.assert_allclose(priors, means)


def test_more_priors_fit_better_and_a_seed_gives_one_answer():
    sizes = RNG.lognormal(3, 0.7, (300, 2))
    fits = [box_priors(sizes, k)[1] for k in (1, 3, 9)]
    assert fits == sorted(fits)
    np.testing.assert_array_equal(box_priors(sizes, 4)[0], box_priors(sizes, 4)[0])


def test_prior_that_loses_all_its_boxes_takes_another_one():
    rng = np.random.default_rng(488)  # found by a search
    sizes = np.round(rng.lognormal(2, 1.2, (rng.integers(8, 40), 2)), 1) + 0.1
    priors, _ = box_priors(sizes, 12, seed=488)
    assert np.isfinite(priors).all()
    nearest = shape_iou(sizes, priors).argmax(1)
    assert set(nearest) == set(range(12))


def test_scaled_boxes_have_scaled_priors():
    priors, iou = box_priors(SIZES, 3)
    scaled, same = box_priors(SIZES * 8, 3)
    np.testing.assert_allclose(scaled, priors * 8)
    np.testing.assert_allclose(same, iou)


@pytest.mark.parametrize(
    ("sizes", "count", "message"),
    [
        (SIZES[:, :1], 2, r"sizes.shape=\(150, 1\)"),
        ([[1, 2], [0, 3]], 1, r"the first at 1: \[0.0, 3.0\]"),
        ([[1, np.nan]], 1, "1 of 1 otherwise"),
        ([[1, 2], [1, 2]], 2, "num_priors=2, 1 different sizes"),
        (SIZES, 0, "num_priors=0"),
    ],
)
def test_bad_sizes_are_refused(sizes, count, message):
    with pytest.raises(ValueError, match=message):
        box_priors(sizes, count)
