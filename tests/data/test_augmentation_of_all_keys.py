"""Everything that lies on an image moves with it: checked pixel by pixel, slowly."""

import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.data import SAMPLE_KEYS, Augmentation

HEIGHT, WIDTH = 23, 31


def box_of(mask):
    """The box of a mask's pixels, by a loop over them; None without a pixel."""
    rows, columns = [], []
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            if mask[row, column]:
                rows.append(row)
                columns.append(column)
    if not rows:
        return None
    # Pixel i spans [i, i+1).
    return [min(columns), min(rows), max(columns) + 1, max(rows) + 1]


def whole_sample(seed=0, count=8):
    """A sample of all spatial keys, whose image says where each pixel was."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    masks = np.zeros((count, HEIGHT, WIDTH), "uint8")
    for mask in masks:
        top, left = rng.integers(0, HEIGHT - 1), rng.integers(0, WIDTH - 1)
        mask[top : top + rng.integers(1, 12), left : left + rng.integers(1, 12)] = 1
    image = np.stack([rows, columns, rows * 0 + 255], -1).astype("uint8")
    return {
        "image": image,
        "clip": np.stack([image] * 3),
        "labels": (rows // 5 + columns // 5).astype("int32"),
        "superpixels": (rows // 3 * 100 + columns // 4).astype("int32"),
        "depth": (rows + columns / 100 + 1).astype("float32"),
        "masks": masks,
        "boxes": np.array([box_of(mask) for mask in masks], "float32"),
        "regions": np.array([box_of(mask) for mask in masks], "float32"),
        "classes": np.arange(count).astype("int32") + 100,
        "image_size": np.array([HEIGHT, WIDTH], "int32"),
        "captions": np.array(["a", "b"], object),
        "nodes": np.array([True, False]),
        "file": "a.png",
    }


def run(augmentation, sample, seed):
    moved = augmentation(sample, seed)
    return {name: np.asarray(value) for name, value in moved.items()}


def looked_up(sample, name, image):
    """A key's values where the pixels of the moved image came from, one by one."""
    key = SAMPLE_KEYS[name]
    source = sample[name]
    shape = [*source.shape[:-2], *image.shape[:2]]
    found = np.full(shape, key.padding, source.dtype)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            old_row, old_column, is_inside = image[row, column]
            if is_inside:
                found[..., row, column] = source[..., old_row, old_column]
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        {"flip": True},
        {"crop_size": (9, 14)},
        {"crop_size": (9, 14), "flip": True},
        {"crop_size": (40, 50), "flip": True},
        {"crop_size": (40, 12), "flip": True},
        {"crop_size": 1},
    ],
)
def test_boxes_stay_the_boxes_of_their_masks_and_maps_follow_the_image(arguments):
    dropped = 0
    for seed in range(12):
        sample = whole_sample(seed)
        moved = run(Augmentation(**arguments), sample, (1, seed))
        for name in ("labels", "superpixels", "depth"):
            expected = looked_up(sample, name, moved["image"])
            np.testing.assert_array_equal(moved[name], expected)
            assert moved[name].dtype == sample[name].dtype
        masks = looked_up(sample, "masks", moved["image"])
        boxes = [box_of(mask) for mask in masks]
        kept = [number for number, box in enumerate(boxes) if box is not None]
        dropped += len(boxes) - len(kept)
        np.testing.assert_array_equal(moved["masks"], masks[kept])
        np.testing.assert_array_equal(moved["classes"], sample["classes"][kept])
        expected = np.array([boxes[number] for number in kept]).reshape(-1, 4)
        np.testing.assert_array_equal(moved["boxes"], expected)
        # Regions move alike, and none is dropped.
        np.testing.assert_array_equal(moved["regions"][kept], expected)
        assert len(moved["regions"]) == len(boxes)
        assert moved["image_size"].tolist() == list(moved["image"].shape[:2])
    assert (dropped > 0) == (arguments.get("crop_size") in ((9, 14), (40, 12), 1))


def test_boxes_without_masks_are_clipped_and_dropped_alike():
    with_masks, without = whole_sample(), whole_sample()
    del without["masks"]
    for seed in range(10):
        augmentation = Augmentation(crop_size=(9, 14), flip=True)
        expected = run(augmentation, with_masks, (0, seed))
        found = run(augmentation, without, (0, seed))
        np.testing.assert_array_equal(found["boxes"], expected["boxes"])
        np.testing.assert_array_equal(found["classes"], expected["classes"])


def test_instance_whose_box_is_seen_but_no_pixel_of_its_mask_is_dropped():
    mask = np.zeros((1, HEIGHT, WIDTH), "uint8")
    mask[0, 0, 0] = mask[0, -1, -1] = 1  # its box is the whole image
    sample = {"masks": mask, "boxes": np.float32([[0, 0, WIDTH, HEIGHT]])}
    counts = {
        len(run(Augmentation(crop_size=HEIGHT - 1), sample, (0, seed))["boxes"])
        for seed in range(30)
    }
    assert counts == {0, 1}


@pytest.mark.parametrize("factor", [0.5, 1.6])
@pytest.mark.parametrize("crop_size", [None, (30, 20)])
def test_scaled_boxes_lie_around_their_masks_to_a_pixel(factor, crop_size):
    augmentation = Augmentation(crop_size, flip=True, scale=(factor, factor))
    for seed in range(8):
        moved = run(augmentation, whole_sample(seed), (2, seed))
        assert moved["image"].shape[:2] == (crop_size or (HEIGHT, WIDTH))
        for mask, box in zip(moved["masks"], moved["boxes"], strict=True):
            # Nearest pixels move a border by at most half a pixel of the old size.
            assert np.abs(box_of(mask) - box).max() <= max(1, factor)
        known = np.unique(whole_sample()["depth"])
        assert np.isin(moved["depth"], [0, *known]).all()  # metres are not mixed


@pytest.mark.parametrize("count", [0, 1])
def test_image_without_boxes_works(count):
    augmentation = Augmentation(16, flip=True, scale=(0.5, 2.0), brightness=0.1)
    sample = whole_sample()
    for name in ("masks", "boxes", "classes"):
        sample[name] = sample[name][:count]
    for seed in range(5):
        moved = run(augmentation, sample, (0, seed))
        left = len(moved["boxes"])
        assert left <= count
        assert moved["boxes"].shape == (left, 4)
        assert moved["masks"].shape == (left, 16, 16)


def test_what_does_not_move_stays_and_no_key_is_lost():
    sample = whole_sample()
    moved = run(Augmentation(8, True, (0.5, 2.0), 0.2, 0.2, 0.2), sample, (0, 0))
    assert list(moved) == list(sample)
    for name in ("captions", "nodes", "file"):
        np.testing.assert_array_equal(moved[name], sample[name])


@pytest.mark.parametrize(
    "arguments",
    [
        {"flip": True, "crop_size": (9, 14), "scale": (0.7, 1.4)},
        {"brightness": 0.3, "contrast": 0.3, "saturation": 0.5},
    ],
)
def test_each_frame_of_a_clip_changes_as_an_image_does(arguments):
    for seed in range(4):
        moved = run(Augmentation(**arguments), whole_sample(), (1, seed))
        assert moved["clip"].shape == (3, *moved["image"].shape)
        for frame in moved["clip"]:
            difference = frame.astype(int) - moved["image"]
            assert np.abs(difference).max() <= 1  # sums in another order are rounded


def test_colour_changes_only_images_and_clips():
    sample = whole_sample()
    moved = run(Augmentation(brightness=0.3, contrast=0.3), sample, (0, 3))
    for name in ("image", "clip"):
        assert (moved.pop(name) != sample[name]).any()
    for name, value in moved.items():
        np.testing.assert_array_equal(value, sample[name])


def test_augmentation_in_a_pipeline_is_the_eager_one_and_keeps_static_sizes():
    sample = whole_sample()
    del sample["captions"], sample["file"]  # strings come back as bytes
    augmentation = Augmentation((9, 14), True, (0.7, 1.4))
    data = tf.data.Dataset.from_tensors(sample)
    data = data.map(lambda sample: augmentation(sample, tf.constant([4, 5])))
    assert data.element_spec["masks"].shape.as_list() == [None, 9, 14]
    assert data.element_spec["image"].shape.as_list() == [9, 14, 3]
    [found] = data.as_numpy_iterator()
    for name, value in run(augmentation, sample, (4, 5)).items():
        np.testing.assert_array_equal(found[name], value)
    scaled = tf.data.Dataset.from_tensors(sample).map(
        lambda sample: Augmentation(scale=(0.7, 1.4))(sample, tf.constant([4, 5]))
    )
    assert scaled.element_spec["labels"].shape.as_list() == [HEIGHT, WIDTH]


def test_sample_of_another_room_passes_through():
    graph = {"features": tf.zeros([2, 3]), "nodes": tf.constant([True, False])}
    assert Augmentation(8, flip=True)(graph, (0, 0)) is graph


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"pixels": np.zeros((4, 4, 3), "uint8")}, "'pixels' is no key of a sample"),
        ({"image": np.zeros((4, 4, 3), "float32")}, "`image` .* must be uint8"),
        ({"boxes": np.zeros((1, 4), "float32")}, "`boxes` cannot be moved without"),
        (
            {
                "image": np.zeros((4, 4, 3), "uint8"),
                "depth": np.zeros((4, 5), "float32"),
            },
            "`image` has width 4",
        ),
    ],
)
def test_wrong_sample_is_refused(sample, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(flip=True)(sample, (0, 0))


def test_maps_whose_sizes_turn_out_to_differ_stop_the_pipeline():
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 3], tf.uint8),
            tf.TensorSpec([None, None], tf.int32),
        ]
    )
    def flipped(image, labels):
        return Augmentation(flip=True)({"image": image, "labels": labels}, (0, 0))

    with pytest.raises(tf.errors.InvalidArgumentError, match="must have one size"):
        flipped(tf.zeros([4, 4, 3], tf.uint8), tf.zeros([4, 5], tf.int32))
