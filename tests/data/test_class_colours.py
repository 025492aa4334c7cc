"""Colours of classes, measured with scikit-image's CIELAB."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from tfrecvis.data import class_colours

BLACK, WHITE = [0, 0, 0], [255, 255, 255]


def smallest_distance(colours):
    """Smallest CIELAB distance between any two of the colours, black and white."""
    lab = rgb2lab(np.concatenate([colours, [BLACK, WHITE]]) / 255)
    distances = np.linalg.norm(lab[:, None] - lab, axis=-1)
    return distances[~np.eye(len(lab), dtype=bool)].min()


# Pascal VOC's colours come to 30.5, 12.2, 8.8 and 6.1; from 2.3 on, two colours that
# lie side by side differ (Mahy, Van Eycken and Oosterlinck, 1994).
@pytest.mark.parametrize(
    ("num_classes", "distance"), [(7, 75.1), (11, 53.8), (20, 41.8), (40, 30.3)]
)
def test_any_two_colours_are_as_far_apart_as_measured(num_classes, distance):
    measured = smallest_distance(class_colours(num_classes))
    assert measured == pytest.approx(distance, abs=0.1)


def test_classes_behind_the_first_ones_do_not_change_their_colours():
    np.testing.assert_array_equal(class_colours(40)[:11], class_colours(11))


def test_each_of_255_classes_has_a_colour_of_its_own():
    colours = class_colours(255)
    assert colours.shape == (255, 3)
    assert colours.dtype == "uint8"
    assert smallest_distance(colours) > 10


def test_zero_classes_give_zero_colours():
    assert class_colours(0).shape == (0, 3)
