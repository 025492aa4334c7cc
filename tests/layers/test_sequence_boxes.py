import keras
import numpy as np
import pytest
from reference import reinspect

from tfrecvis.layers import SequenceBoxes


def draw(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "offsets": rng.normal(size=(2, 2, 3, 5, 4), scale=20).astype("float32"),
        "logits": rng.normal(size=(2, 2, 3, 5, 4)).astype("float32"),
        "images": np.zeros((2, 30, 41, 3), "uint8"),
    }


def call(given):
    given = dict(given)
    found = SequenceBoxes(stride=16)(given.pop("offsets"), **given)
    return {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}


def test_layer_matches_the_numpy_loop():
    given = draw()
    found = call(given)
    for image in range(2):
        boxes, scores = reinspect.sequence_boxes(
            given["offsets"][image], given["logits"][image], 16, 30, 41
        )
        np.testing.assert_allclose(found["boxes"][image], boxes, atol=1e-4)
        np.testing.assert_allclose(found["scores"][image], scores, atol=1e-6)


def test_no_box_after_a_stop():
    given = draw()
    given["logits"][:, :, :, 2] = [50, 0, 0, 0]
    scores = call(given)["scores"].reshape(2, 6, 5, 3)
    assert (scores[:, :, :2] > 0).all() and scores[:, :, 2:].max() < 1e-6


def test_box_of_a_negative_side_has_no_area():
    given = draw()
    given["offsets"][..., 2] = -3
    boxes = call(given)["boxes"]
    np.testing.assert_array_equal(boxes[..., 0], boxes[..., 2])


@pytest.mark.parametrize("name", ["logits", "images"])
def test_missing_and_unfit_arguments_are_named(name):
    given = draw()
    with pytest.raises(ValueError, match=f"`{name}` is missing"):
        call({**given, name: None})
    with pytest.raises(ValueError, match=f"`{name}` must have the shape"):
        call({**given, name: given[name][:, 0]})


def test_bad_stride_is_named():
    with pytest.raises(ValueError, match="`stride` must be an integer of at least 1"):
        SequenceBoxes(0)
