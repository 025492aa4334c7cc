import keras
import numpy as np
import pytest

from tfrecvis.models import YOLOv2

PRIORS = [(10.0, 12.0), (40.0, 30.0)]
SMALL = {
    "units": 4,
    "passthrough": 4,
    "head_filters": 8,
    "backbone_filters": (4, 4, 8, 8),
}


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("size", [(32, 48), (33, 65)])
def test_each_cell_of_the_grid_has_a_box_per_prior(size):
    boxes = YOLOv2(3, PRIORS, **SMALL)(np.zeros((2, *size, 3)))
    rows, columns = (-(-side // 16) for side in size)  # the stride of four stages
    assert boxes.shape == (2, rows, columns, 2, 5 + 3)


def test_boxes_begin_at_their_priors_and_one_in_a_hundred_holds_an_object():
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3))
    boxes = numpy(YOLOv2(3, PRIORS, **SMALL)(images))
    priors = np.broadcast_to(PRIORS, boxes[..., 2:4].shape)
    np.testing.assert_allclose(boxes[..., 2:4], priors, rtol=0.2)
    probabilities = numpy(keras.ops.sigmoid(boxes[..., 4]))
    np.testing.assert_allclose(probabilities, 0.01, rtol=0.2)


@pytest.mark.parametrize(("context", "sees"), [("renet", True), ("conv", False)])
def test_recurrence_brings_the_far_corner_to_each_cell(context, sees):
    model = YOLOv2(3, PRIORS, context=context, **SMALL)
    images = np.zeros((1, 256, 256, 3), "float32")
    changed = images.copy()
    changed[:, -16:, -16:] = 255
    first, second = (numpy(model(x))[0, 0, 0] for x in (images, changed))
    assert (first != second).any() == sees


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "`num_classes`"),
        ({"context": "none"}, "`context` must be"),
        ({"units": 0}, "`units`"),
        ({"num_layers": -1}, "`num_layers`"),
        ({"passthrough": 0}, "`passthrough`"),
        ({"head_filters": 0}, "`head_filters`"),
        ({"dropout": 1}, "`dropout`"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        YOLOv2(**{"num_classes": 3, "priors": PRIORS, **arguments})
