import numpy as np
import pytest
from reference import reinspect

from tfrecvis.ops import boxes_of_cells


def draw(seed=0):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-5, 60, (2, 9, 2))
    sides = rng.uniform(1, 40, (2, 9, 2))
    boxes = np.concatenate([corners, corners + sides], -1).astype("float32")
    return boxes, rng.integers(-1, 3, (2, 9)).astype("int32")


@pytest.mark.parametrize("options", [{}, {"most": 2, "reach": 0.9}])
def test_boxes_of_cells_equal_the_loop_over_cells(options):
    boxes, classes = draw()
    offsets, labels = boxes_of_cells(boxes, classes, 3, 4, 16, **options)
    most = options.setdefault("most", 5)
    assert (np.array(labels) >= 0).sum() > 10
    for image, row, column in np.ndindex(2, 3, 4):
        own = reinspect.own_boxes(
            boxes[image], classes[image], row, column, 16, **options
        )
        place = image, row, column
        missing = most - len(own)
        expected = [label for *_, label in own] + [-1] * missing
        assert np.array(labels[place]).tolist() == expected
        expected = [box for *box, _ in own] + [[0.0] * 4] * missing
        np.testing.assert_allclose(offsets[place], expected, atol=1e-4)


def test_neighbour_that_a_box_touches_only_at_its_edge_is_not_its_own():
    boxes, classes = np.array([[[2.0, 2, 16, 14]]]), np.zeros((1, 1), "int32")
    _, labels = boxes_of_cells(boxes, classes, 1, 2, 16)
    assert np.array(labels)[0, 0, :, 0].tolist() == [0, -1]


def test_images_without_boxes_have_padding_only():
    nothing = np.zeros((2, 0, 4), "float32"), np.zeros((2, 0), "int32")
    offsets, labels = boxes_of_cells(*nothing, 2, 3, 16)
    assert offsets.shape == (2, 2, 3, 5, 4) and not np.array(offsets).any()
    assert (np.array(labels) == -1).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"most": 0}, "`most` must be an integer of at least 1"),
        ({"stride": 0}, "`stride` must be a finite number above 0"),
        ({"reach": -1}, "`reach` must be a finite number above 0"),
        ({"classes": np.zeros((2, 8), "int32")}, "`boxes` must have the shape"),
        ({"classes": np.zeros((2, 9), "float32")}, "`classes` must be integers"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    boxes, classes = draw()
    given = {"boxes": boxes, "classes": classes, "rows": 2, "columns": 2, "stride": 16}
    with pytest.raises(ValueError, match=message):
        boxes_of_cells(**{**given, **changes})
