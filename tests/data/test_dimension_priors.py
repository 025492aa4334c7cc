import numpy as np
import pytest

from tfrecvis.data import dimension_priors


def boxes(*sides):
    return [[5, 7, 5 + width, 7 + height] for width, height in sides]


def test_two_shapes_are_found_wherever_they_lie():
    found = boxes((10, 10), (11, 9), (9, 11), (100, 40), (98, 44))
    priors, iou = dimension_priors(found, 2)
    np.testing.assert_allclose(priors, [[10, 10], [99, 42]])
    assert 0.85 < iou < 1


def test_as_many_priors_as_shapes_fit_all_boxes():
    priors, iou = dimension_priors(boxes((3, 4), (8, 8), (20, 5)), 3)
    assert sorted(map(tuple, priors)) == [(3, 4), (8, 8), (20, 5)]
    assert iou == 1


def test_more_priors_fit_better_and_the_seed_decides():
    sides = np.random.default_rng(0).uniform(5, 90, (200, 2))
    fits = [dimension_priors(boxes(*sides), count)[1] for count in (1, 3, 9)]
    assert fits == sorted(fits)
    one, other = (dimension_priors(boxes(*sides), 5, seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_boxes_without_area_are_left_out_and_too_few_are_refused():
    assert dimension_priors([[0, 0, 4, 4], [2, 2, 2, 9]], 1)[0].tolist() == [[4, 4]]
    with pytest.raises(ValueError, match="3 different boxes or more. Received: 2"):
        dimension_priors(boxes((3, 4), (3, 4), (8, 8)), 3)
