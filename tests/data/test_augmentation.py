import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.data import Augmentation


def marked_sample(height=20, width=30):
    """Every pixel's red and green say where it was; so do its labels."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([y * 8, x * 8, np.full_like(x, 40)], axis=-1).astype("uint8")
    labels = (y // 5 * 6 + x // 5).astype("int32")
    return {"image": image, "labels": labels, "file": "a"}


def run(augmentation, sample, seed=(0, 0)):
    out = augmentation({key: tf.constant(value) for key, value in sample.items()}, seed)
    return out["image"].numpy(), out["labels"].numpy()


def label_of(image):
    y, x = image[..., 0] / 8, image[..., 1] / 8
    return (np.floor((y + 0.5) / 5) * 6 + np.floor((x + 0.5) / 5)).astype(int)


def test_defaults_change_nothing():
    sample = marked_sample()
    image, labels = run(Augmentation(), sample)
    np.testing.assert_array_equal(image, sample["image"])
    np.testing.assert_array_equal(labels, sample["labels"])


def test_flip_mirrors_image_and_labels_in_half_of_the_calls():
    sample = marked_sample()
    turned = 0
    for seed in range(40):
        image, labels = run(Augmentation(flip=True), sample, (0, seed))
        is_turned = image[0, 0, 1] != 0
        turned += is_turned
        step = -1 if is_turned else 1
        np.testing.assert_array_equal(image, sample["image"][:, ::step])
        np.testing.assert_array_equal(labels, sample["labels"][:, ::step])
    assert 10 < turned < 30


@pytest.mark.parametrize("crop_size", [(8, 11), (20, 30), (1, 1)])
def test_crop_cuts_the_same_window_from_image_and_labels(crop_size):
    sample = marked_sample()
    for seed in range(10):
        image, labels = run(Augmentation(crop_size=crop_size), sample, (0, seed))
        assert image.shape == (*crop_size, 3)
        top, left = image[0, 0, 0] // 8, image[0, 0, 1] // 8
        window = (slice(top, top + crop_size[0]), slice(left, left + crop_size[1]))
        np.testing.assert_array_equal(image, sample["image"][window])
        np.testing.assert_array_equal(labels, sample["labels"][window])


def test_crop_reaches_every_place():
    sample = marked_sample(6, 7)
    corners = {
        tuple(run(Augmentation(crop_size=4), sample, (1, seed))[0][0, 0, :2] // 8)
        for seed in range(200)
    }
    assert corners == {(y, x) for y in range(3) for x in range(4)}


def test_crop_larger_than_the_image_fills_up_with_void():
    sample = marked_sample()
    image, labels = run(Augmentation(crop_size=(25, 40)), sample)
    inside = labels != 255
    assert inside.sum() == 20 * 30
    assert (image[~inside] == 0).all()
    np.testing.assert_array_equal(labels[inside].reshape(20, 30), sample["labels"])
    np.testing.assert_array_equal(image[inside].reshape(20, 30, 3), sample["image"])


@pytest.mark.parametrize("factor", [0.5, 1.7])
def test_scale_moves_image_and_labels_together_and_keeps_the_size(factor):
    sample = marked_sample()
    for seed in range(5):
        image, labels = run(Augmentation(scale=(factor, factor)), sample, (0, seed))
        assert image.shape == (20, 30, 3)
        inside = labels != 255
        # Pixels on the border of two labels may round to either side.
        assert (label_of(image)[inside] == labels[inside]).mean() > 0.75
        assert set(np.unique(labels)) <= {255, *range(24)}


def test_brightness_shifts_all_pixels_alike_and_no_label():
    sample = marked_sample()
    sample["image"][:] = 100
    image, labels = run(Augmentation(brightness=0.2), sample)
    assert len(np.unique(image)) == 1
    assert 0 < abs(int(image[0, 0, 0]) - 100) <= 51
    np.testing.assert_array_equal(labels, sample["labels"])


def test_contrast_scales_the_distance_to_the_mean():
    sample = marked_sample()
    before = sample["image"].astype(float)
    image, _ = run(Augmentation(contrast=0.3), sample)
    large = np.abs(before - before.mean()) > 30
    factors = (image - before.mean())[large] / (before - before.mean())[large]
    inside = (image[large] > 0) & (image[large] < 255)
    assert np.ptp(factors[inside]) < 0.05
    assert 0.7 <= np.median(factors) <= 1.3


def test_saturation_leaves_grey_grey():
    sample = marked_sample()
    sample["image"] = np.repeat(sample["image"][..., :1], 3, axis=-1)
    image, _ = run(Augmentation(saturation=0.5), sample)
    assert np.abs(image.astype(int) - sample["image"]).max() <= 1


def test_recoloured_pixels_stay_within_0_and_255():
    sample = marked_sample()
    sample["image"][:10], sample["image"][10:] = 0, 255
    for seed in range(10):
        image, _ = run(Augmentation(brightness=0.5), sample, (0, seed))
        assert image.dtype == np.uint8
        # Whichever way the shift goes, one half stays at its end of the range.
        assert image[:10].max() == 0 or image[10:].min() == 255


def test_same_seed_gives_the_same_and_another_seed_another():
    augmentation = Augmentation(8, True, (0.5, 2.0), 0.2, 0.2, 0.2)
    sample = marked_sample()
    first = run(augmentation, sample, (3, 4))
    again = run(augmentation, sample, (3, 4))
    other = run(augmentation, sample, (3, 5))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"crop_size": 0}, "`crop_size` must be"),
        ({"crop_size": (3, 4, 3)}, "`crop_size` must be"),
        ({"scale": (2.0, 0.5)}, "`scale` must be"),
        ({"scale": (0.0, 1.0)}, "`scale` must be"),
        ({"brightness": -0.1}, "`brightness` must lie in"),
        ({"contrast": 2}, "`contrast` must lie in"),
        ({"saturation": 30}, "`saturation` must lie in"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**arguments)
