import keras
import numpy as np
import pytest
from reference import suppression

from tfrecvis.layers import RegionSamples


def draw(seed=0, count=30, boxes=4):
    """Regions of two images, half of them near the true boxes; the last is padding."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 40, (2, boxes, 2))
    true = np.concatenate([corners, corners + rng.uniform(8, 16, (2, boxes, 2))], -1)
    near = true[:, rng.integers(0, boxes, count)] + rng.normal(size=(2, count, 4))
    far = rng.uniform(60, 80, (2, count, 2))
    regions = np.concatenate([near, np.concatenate([far, far + 9], -1)], 1)
    classes = rng.integers(0, 3, (2, boxes))
    classes[1, -1] = -1
    true[1, -1] = 0
    return {
        "regions": regions.astype("float32"),
        "boxes": true.astype("float32"),
        "classes": classes.astype("int32"),
    }


def sample(layer, regions, **truth):
    found = layer(regions, **truth)
    return {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}


def test_each_sample_has_the_label_that_its_overlap_says():
    given = draw()
    found = sample(RegionSamples(24, 0.5, foreground=0.5, seed=0), **given)
    for image in range(2):
        pool = np.concatenate([given["boxes"][image], given["regions"][image]])
        for n in range(24):
            region, label = found["regions"][image, n], found["labels"][image, n]
            assert (pool == region).all(-1).any(), "a region that was not given"
            real = given["classes"][image] >= 0
            overlaps = [
                suppression.iou(region, box) if ok else -1
                for box, ok in zip(given["boxes"][image], real, strict=True)
            ]
            if max(overlaps) < 0.5:
                assert label == 0
                continue
            best = int(np.argmax(overlaps))
            assert label == given["classes"][image, best] + 1
            assert found["matches"][image, n] == best
            np.testing.assert_array_equal(
                found["boxes"][image, n], given["boxes"][image, best]
            )


def test_positives_come_first_and_are_no_more_than_their_share():
    labels = sample(RegionSamples(16, 0.25, seed=1), **draw())["labels"]
    assert ((labels > 0).sum(1) == 4).all()
    assert (labels[:, :4] > 0).all() and (labels[:, 4:] == 0).all()


def test_another_call_draws_others():
    given, layer = draw(), RegionSamples(12, seed=3)
    first, second = (sample(layer, **given)["regions"] for _ in range(2))
    assert not np.array_equal(first, second)


def test_images_without_boxes_give_background_only():
    given = draw()
    given.update(boxes=np.zeros((2, 0, 4), "f"), classes=np.zeros((2, 0), "int32"))
    assert not sample(RegionSamples(8), **given)["labels"].any()


def test_regions_that_overlap_less_than_background_are_never_drawn():
    box = np.array([[[0, 0, 10, 10]]], "float32")
    sides = [[10, 5], [10, 4], [10, 1], [10, 0.9]]  # IoU 0.5, 0.4, 0.1 and 0.09
    regions = np.array([[[0, 0, *side] for side in sides] + [[20, 0, 30, 10]]], "f")
    given = {"regions": regions, "boxes": box, "classes": np.array([[2]], "int32")}
    found = sample(RegionSamples(8, background=0.1), **given)
    assert found["labels"].tolist() == [[3, 3, 0, 0, -1, -1, -1, -1]]
    heights = found["regions"][0, 2:4, 3]
    assert sorted(heights.tolist()) == [1, 4]
    given.update(boxes=box[:, :0], classes=np.zeros((1, 0), "int32"))
    assert (sample(RegionSamples(8, background=0.1), **given)["labels"] == -1).all()


def test_padding_is_never_drawn():
    given = draw()
    given["regions"] = np.zeros((2, 6, 4), "float32")
    labels = sample(RegionSamples(32, 1.0), **given)["labels"]
    assert (labels > 0).sum(1).tolist() == [4, 3]  # the true boxes, as regions
    assert (labels == 0).sum() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be an integer of at least 1"),
        ({"positive_fraction": 25}, "Is it in percent"),
        ({"foreground": -0.5}, "`foreground` must be a number from 0 to 1"),
        ({"background": 0.6}, "`background` must be no higher than `foreground`"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RegionSamples(**arguments)
    with pytest.raises(ValueError, match="`classes` is missing"):
        RegionSamples()(draw()["regions"], boxes=draw()["boxes"], classes=None)
