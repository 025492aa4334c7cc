import keras
import numpy as np
import pytest

from tfrecvis.layers import Anchors


def numbers(x):
    return keras.ops.convert_to_numpy(x)


def maps(*sizes):
    return [np.zeros((2, *size, 3), "float32") for size in sizes]


def test_anchors_equal_a_loop_over_places_and_shapes():
    strides, sizes, ratios = [4, 8], [[6.0, 9.0], [12.0, 20.0]], [0.25, 1.0]
    found = numbers(Anchors(strides, sizes, ratios)(maps((2, 3), (1, 2))))
    expected = []
    levels = zip([(2, 3), (1, 2)], strides, sizes, strict=True)
    for (rows, columns), stride, level in levels:
        for i in range(rows):
            for j in range(columns):
                x, y = (j + 0.5) * stride, (i + 0.5) * stride
                for size in level:
                    for ratio in ratios:
                        w, h = size / ratio**0.5, size * ratio**0.5
                        expected.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_squares_and_ratios_of_each_map_come_in_their_order():
    layer = Anchors([4, 8], [[6.0], [12.0]], [[0.25, 1.0], [1.0]], [[8.0], []])
    found = numbers(layer(maps((1, 1), (1, 1))))
    sides = [[12, 3], [6, 6], [8, 8], [12, 12]]
    np.testing.assert_allclose(found[:, 2:] - found[:, :2], sides)
    np.testing.assert_allclose(found[:, 2:] + found[:, :2], [[4, 4]] * 3 + [[8, 8]])
    assert layer.counts == [3, 1]
    assert layer.compute_output_shape([(None, 2, 3, 5), (None, 1, 2, 5)]) == (20, 4)


def test_shape_is_known_where_the_maps_are():
    layer = Anchors([4, 8], [[8], [16]], [1.0])
    shapes = [(None, 2, 3, 5), (None, 1, 2, 5)]
    assert layer.compute_output_shape(shapes) == (8, 4)
    assert layer.compute_output_shape([(None, None, 3, 5), shapes[1]]) == (None, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "`strides` must be a list"),
        (([0], [[8]]), "`strides` must be an integer of at least 1"),
        (([4, 8], [[8]]), "one list for each of the 2 maps"),
        (([4], [[0]]), "`sizes` must be a finite number above 0"),
        (([4], [8]), "`sizes` must be a list of numbers"),
        (([4, 8], [[8], [16]], [[1.0]]), "`ratios` must be a list with one list"),
        (([4, 8], [[8], [16]], [1.0], [[3]]), "`squares` must be a list with one"),
        (([4], [[8]], [1.0], [3]), "`squares` must be a list of numbers"),
        (([4], [[8]], [1.0], [[0]]), "`squares` must be a finite number above 0"),
        (([4], [[8]], [-1.0]), "`ratios` must be a finite number above 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Anchors(*arguments)


def test_other_number_of_maps_is_refused():
    with pytest.raises(ValueError, match="a list of 2 maps.*Received: 1 maps"):
        Anchors([4, 8], [[8], [16]])(maps((2, 2)))
