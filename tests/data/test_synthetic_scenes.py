import numpy as np
import pytest
from skimage import measure

from tfrecvis.data import SyntheticScenes, class_frequencies

MARKER = 2
OTHER = np.array([0, 1, 2, 4, 3, 6, 5])


@pytest.fixture(scope="module")
def reader():
    return SyntheticScenes("train", count=60, size=(64, 80))


@pytest.fixture(scope="module")
def samples(reader):
    return list(reader.samples().as_numpy_iterator())


def test_turning_the_markers_over_swaps_the_class_of_every_object(reader, samples):
    for number, sample in enumerate(samples):
        turned = reader.counterfactual(number)["labels"]
        np.testing.assert_array_equal(turned, OTHER[sample["labels"]])


def test_turning_the_markers_over_changes_no_pixel_outside_them(reader, samples):
    for number, sample in enumerate(samples):
        turned = reader.counterfactual(number)["image"]
        changed = (turned != sample["image"]).any(axis=-1)
        assert changed.any()
        assert (sample["labels"][changed] == MARKER).all()


@pytest.mark.parametrize("size", [(48, 48), (64, 80), (97, 70)])
def test_markers_that_decide_an_object_lie_beyond_the_context_distance(size):
    reader = SyntheticScenes("distance", count=30, size=size)
    for number, sample in enumerate(reader.samples().as_numpy_iterator()):
        labels = sample["labels"]
        rows = np.arange(size[0])[:, None] + 0 * labels
        columns = np.arange(size[1])[None, :] + 0 * labels
        turned = reader.counterfactual(number)["image"]
        changed = (turned != sample["image"]).any(axis=-1)
        # Lamps are what changes in the lanes' rows, flags in the lanes' columns.
        inner_rows = (rows > 0.17 * size[0]) & (rows < 0.83 * size[0])
        lamps, flags = columns[changed & inner_rows], rows[changed & ~inner_rows]
        cars = columns[(labels == 3) | (labels == 4)]
        buoys = rows[(labels == 5) | (labels == 6)]
        for objects, markers in ((cars, lamps), (buoys, flags)):
            if objects.size:
                gaps = np.abs(objects[:, None] - markers[None, :]) - 1
                assert gaps.min() >= reader.context_distance


def test_mean_of_the_image_does_not_tell_what_the_markers_show(reader, samples):
    # Two of four markers are always in each state; turning them all over keeps it so.
    lamps_red, flags_flat = [], []
    for sample in samples:
        image = sample["image"].astype(int)
        markers, count = parts(sample["labels"] == MARKER)
        assert count == 8
        red_minus_blue = image[..., 0] - image[..., 2]
        means = [red_minus_blue[markers == marker].mean() for marker in range(1, 9)]
        lamps_red.append(sum(mean > 30 for mean in means))
        assert sum(mean < -30 for mean in means) == 2
        flags_flat.append(flat_flags(image.sum(-1), markers))
    assert set(lamps_red) == {2}
    assert set(flags_flat) == {2}


def parts(mask):
    """Numbers the connected parts of a mask, and counts them."""
    return measure.label(mask, return_num=True, connectivity=1)


def flat_flags(grey, markers):
    """How many markers have stripes that lie flat: more change down than across."""
    flat = 0
    for marker in measure.regionprops(markers):
        flag = grey[marker.slice]
        down = np.abs(np.diff(flag, axis=0)).sum()
        across = np.abs(np.diff(flag, axis=1)).sum()
        flat += down > 2 * across
    return flat


def test_oracle_that_follows_rows_and_columns_is_always_right(samples):
    for sample in samples:
        image, labels = sample["image"].astype(int), sample["labels"]
        is_marker = labels == MARKER
        cars, count = parts((labels == 3) | (labels == 4))
        for car in range(1, count + 1):
            row = round(np.argwhere(cars == car)[:, 0].mean())
            lamp = image[row][is_marker[row]]
            waits = lamp[:, 0].mean() > lamp[:, 2].mean()
            assert (labels[cars == car] == (3 if waits else 4)).all()
        buoys, count = parts((labels == 5) | (labels == 6))
        for buoy in range(1, count + 1):
            column = round(np.argwhere(buoys == buoy)[:, 1].mean())
            stripes = image[:, column].sum(-1)[is_marker[:, column]]
            is_flat = np.ptp(stripes) > 300  # it meets black and white
            assert (labels[buoys == buoy] == (5 if is_flat else 6)).all()


def test_both_classes_of_a_pair_are_equally_frequent():
    reader = SyntheticScenes("frequency", count=400, size=48)
    counts = class_frequencies(reader)
    # 1440 objects, so 3 deviations are 8 % of half of them.
    for first, second in ((3, 4), (5, 6)):
        assert abs(counts[first] / counts[second] - 1) < 0.15
    assert (counts > 0.01 * counts.sum()).all()


def test_local_bound_is_the_best_that_guessing_gives():
    guesses = np.linspace(0, 1, 101)
    pair = guesses / (1 + guesses) + (1 - guesses) / (2 - guesses)
    assert SyntheticScenes.local_mean_iou == pytest.approx((3 + 2 * pair.max()) / 7)


def test_scenes_are_a_pure_function_of_split_number_and_seed(samples):
    again = SyntheticScenes("train", count=3, size=(64, 80))
    for first, second in zip(
        samples, again.samples().as_numpy_iterator(), strict=False
    ):
        np.testing.assert_array_equal(first["image"], second["image"])
        np.testing.assert_array_equal(first["labels"], second["labels"])
        assert first["file"] == second["file"]


@pytest.mark.parametrize("other", [{"split": "val"}, {"seed": 1}])
def test_other_split_or_seed_gives_other_scenes(samples, other):
    arguments = {"split": "train", "count": 1, "size": (64, 80), **other}
    other_sample = next(SyntheticScenes(**arguments).samples().as_numpy_iterator())
    assert (other_sample["image"] != samples[0]["image"]).mean() > 0.5


def test_backgrounds_are_textured(samples):
    for sample in samples:
        for number in (0, 1):
            pixels = sample["image"][sample["labels"] == number]
            assert pixels.std(axis=0).min() > 5


def test_samples_keep_the_contract(reader, samples):
    assert len(reader) == len(samples) == 60
    assert reader.problems == []
    assert len(reader.class_names) == reader.num_classes == len(reader.colours) == 7
    for sample in samples:
        assert set(sample) == {"image", "labels", "file"}
        assert sample["image"].shape == (64, 80, 3)
        assert sample["image"].dtype == np.uint8
        assert sample["labels"].shape == (64, 80)
        assert sample["labels"].dtype == np.int32


def test_too_small_scene_is_refused():
    with pytest.raises(ValueError, match="at least 48 pixels"):
        SyntheticScenes(size=32)


@pytest.mark.parametrize("arguments", [{"count": 0}, {"seed": -1}])
def test_count_and_seed_are_checked(arguments):
    with pytest.raises(ValueError, match="`count` must be 1 or more"):
        SyntheticScenes(**arguments)
