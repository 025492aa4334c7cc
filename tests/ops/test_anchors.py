import numpy as np
import pytest
import tensorflow as tf

from tfrecvis import ops


def test_anchors_are_those_of_detectron2():
    boxes = np.array(ops.level_anchors(2, 3, 4, [32, 64], [0.25, 1, 4]))
    assert boxes.shape == (2 * 3 * 6, 4)
    assert boxes[0].tolist() == [-32, -8, 32, 8]
    boxes = boxes.reshape(2, 3, 6, 4)
    for row, column, k in np.ndindex(2, 3, 6):
        size, ratio = (32, 64)[k // 3], (0.25, 1, 4)[k % 3]
        w, h = size / ratio**0.5, size * ratio**0.5
        x, y = column * 4, row * 4
        expected = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        np.testing.assert_allclose(boxes[row, column, k], expected)


def test_offset_moves_centres_into_the_cell():
    zero, half = (ops.level_anchors(2, 3, 8, [16], offset=o) for o in (0, 0.5))
    np.testing.assert_allclose(half, np.array(zero) + 4)


def test_pyramid_is_one_level_after_the_other():
    levels = [((4, 6), 8, [32, 40], [1, 2]), ((2, 3), 16, [64], [1])]
    boxes = ops.pyramid_anchors(*(list(x) for x in zip(*levels, strict=True)))
    expected = [ops.level_anchors(*s, *others) for s, *others in levels]
    np.testing.assert_array_equal(boxes, np.concatenate(expected))


def test_sizes_of_the_map_may_be_unknown():
    function = tf.function(
        lambda x: ops.level_anchors(tf.shape(x)[0], tf.shape(x)[1], 4, [32]),
        input_signature=[tf.TensorSpec((None, None))],
    )
    for size in ((2, 3), (0, 3)):
        expected = ops.level_anchors(*size, 4, [32])
        np.testing.assert_array_equal(function(np.zeros(size)), expected)


def test_anchors_across_the_border_are_outside():
    boxes = np.float32([[0, 0, 9, 9], [0, 0, 10, 9], [-1, 0, 5, 5], [0, 3, 5, 9]])
    assert ops.inside_image(boxes, 9, 9).numpy().tolist() == [True, False, False, True]
    assert ops.inside_image(boxes, 9, 9, margin=1).numpy().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": [8]}, r"`strides` must have one entry for each of the 2 maps"),
        ({"sizes": [[1], [2], [3]]}, r"`sizes` must have .* of 3"),
        ({"ratios": [[1]]}, "`ratios` must have .* of 1"),
        ({"sizes": [[1], []]}, r"must be a list of numbers. Received: sizes=\[\]"),
        ({"sizes": [8, 16]}, "must be a list of numbers. Received: sizes=8"),
        ({"sizes": [[8], [-16]]}, "sizes=-16"),
        ({"strides": [8, 0]}, "stride=0"),
    ],
)
def test_lists_that_do_not_fit_the_maps_are_refused(changes, message):
    maps = {
        "map_sizes": [(4, 4), (2, 2)],
        "strides": [8, 16],
        "sizes": [[8], [16]],
    }
    with pytest.raises(ValueError, match=message):
        ops.pyramid_anchors(**{**maps, **changes})
