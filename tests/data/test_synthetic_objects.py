import numpy as np
import pytest

from tfrecvis.data import SyntheticObjects, SyntheticScenes


@pytest.fixture(scope="module")
def reader():
    return SyntheticObjects("train", count=40, size=(64, 80))


@pytest.fixture(scope="module")
def samples(reader):
    return list(reader.samples().as_numpy_iterator())


def test_boxes_lie_around_what_is_seen_of_each_object(samples):
    for sample in samples:
        assert 4 <= len(sample["boxes"]) <= 8
        assert (sample["masks"].sum(0) <= 1).all()
        for box, mask in zip(sample["boxes"], sample["masks"], strict=True):
            rows, columns = np.nonzero(mask)
            around = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            np.testing.assert_array_equal(box, around)


def test_objects_are_those_of_the_scenes_but_for_the_posts(samples):
    scenes = SyntheticScenes("train", count=40, size=(64, 80))
    hidden = occluded = count = 0
    for sample, scene in zip(
        samples, scenes.samples().as_numpy_iterator(), strict=True
    ):
        for label, mask in zip(sample["classes"], sample["masks"], strict=True):
            assert (scene["labels"][mask > 0] == label + 3).all()
        seen = sample["masks"].any(0)
        posts = (scene["labels"] >= 3) & ~seen
        changed = (sample["image"] != scene["image"]).any(-1)
        assert changed[posts].all() and not changed[seen].any()
        count += len(sample["boxes"])
        hidden += posts.sum() / max(1, (posts | seen).sum()) * len(sample["boxes"])
        occluded += changed.any()
    assert 0.04 < hidden / count < 0.12  # three in ten, a quarter of each
    assert occluded > 20


def test_neither_kind_of_cars_or_buoys_is_more_frequent(samples):
    classes = np.concatenate([sample["classes"] for sample in samples])
    counts = np.bincount(classes, minlength=4)
    assert abs(counts[0] - counts[1]) < 0.2 * counts[:2].sum()
    assert abs(counts[2] - counts[3]) < 0.2 * counts[2:].sum()


def test_scenes_are_a_function_of_split_seed_and_number():
    def first(**changes):
        reader = SyntheticObjects(**{"split": "a", "count": 2, **changes})
        return next(reader.samples().as_numpy_iterator())

    again = first()
    for name, value in first().items():
        np.testing.assert_array_equal(value, again[name])
    for changes in ({"seed": 1}, {"split": "b"}):
        assert (first(**changes)["image"] != again["image"]).any()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`count` must be 1 or more"):
        SyntheticObjects(count=0)
    with pytest.raises(ValueError, match="at least 48 pixels"):
        SyntheticObjects(size=32)
