import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.matching import match_boxes as slow_match_boxes

from tfrecvis.ops import drawn_places, match_boxes, sample_balanced

RNG = np.random.default_rng(0)
# Tenths, so that there are ties; two boxes and a whole image are padding.
IOU = (RNG.integers(0, 11, (3, 5, 40)) * (RNG.uniform(size=(3, 5, 40)) < 0.3)) / 10
IOU = IOU.astype("float32")
IOU[0, 2] = 0  # a box that no anchor overlaps
VALID = np.ones((3, 5), bool)
VALID[1, 3:] = VALID[2] = False
LABELS = RNG.choice([-1, 0, 0, 1], (4, 300))
LABELS[1] = np.where(LABELS[1] == 1, 0, LABELS[1])  # no positive
LABELS[2] = -1  # nothing at all
LABELS[3] = np.where(np.arange(300) < 5, LABELS[3], -1)  # few


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize("background", [(0, 0.3), (0.1, 0.5), (0, 0)])
def test_matching_is_that_of_the_numpy_loop(background, allow):
    matches, labels = match_boxes(IOU, VALID, 0.5, background, allow)
    for b in range(3):
        expected = slow_match_boxes(
            IOU[b], VALID[b], np.float32(0.5), np.float32(background), allow
        )
        np.testing.assert_array_equal(matches[b], expected[0])
        np.testing.assert_array_equal(labels[b], expected[1])


def test_matches_and_labels_are_those_of_detectron2():
    iou = [[0.15, 0.45, 0.2, 0.6], [0.3, 0.65, 0.05, 0.1], [0.05, 0.4, 0.25, 0.4]]
    matches, labels = match_boxes(np.float32(iou), allow_low_quality=True)
    assert matches.numpy().tolist() == [1, 1, 2, 0]
    assert labels.numpy().tolist() == [-1, 1, 0, 1]


def test_box_that_no_anchor_overlaps_makes_none_positive():
    _, labels = match_boxes(np.zeros((1, 9), "float32"), allow_low_quality=True)
    assert labels.numpy().tolist() == [0] * 9


@pytest.mark.parametrize("allow", [False, True])
def test_image_without_boxes_has_negative_anchors_only(allow):
    matches, labels = match_boxes(IOU[:, :0], allow_low_quality=allow)
    assert (matches.numpy() == 0).all()
    assert (labels.numpy() == 0).all()
    _, labels = match_boxes(IOU[:, :0], background=(0.1, 0.3))
    assert (labels.numpy() == -1).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"foreground": 70}, "foreground=70. Is it in percent"),
        ({"background": (-0.1, 0.3)}, "background=-0.1"),
        ({"background": (0, 0.8)}, r"a range below .* background=\(0, 0.8\)"),
        ({"valid": VALID[:, :2]}, r"valid.shape=\(3, 2\)"),
        ({"allow_low_quality": 1}, "allow_low_quality=1"),
    ],
)
def test_bad_thresholds_and_shapes_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        match_boxes(IOU, **changes)


@pytest.mark.parametrize(("count", "fraction"), [(64, 0.5), (100, 0.25), (7, 0.0)])
def test_samples_have_the_proportion_asked_for(count, fraction):
    drawn = np.array(sample_balanced(LABELS, count, fraction, seed=3))
    assert (drawn[drawn >= 0] == LABELS[drawn >= 0]).all()
    for labels, row in zip(LABELS, drawn, strict=True):
        positives = min((labels == 1).sum(), int(count * fraction))
        assert (row == 1).sum() == positives
        assert (row == 0).sum() == min((labels == 0).sum(), count - positives)


def test_a_seed_gives_one_draw_and_a_generator_many():
    first, again, other = (
        np.array(sample_balanced(LABELS, 64, seed=seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    generator = keras.random.SeedGenerator(1)
    first, other = (np.array(sample_balanced(LABELS, 64, seed=generator)) for _ in "ab")
    assert (first != other).any()


def test_every_anchor_is_drawn_about_as_often():
    labels = np.array([1] * 4 + [0] * 8)
    generator = keras.random.SeedGenerator(0)
    times = sum(
        np.array(sample_balanced(labels, 6, seed=generator)) >= 0 for _ in range(200)
    )
    # 3 of 4 positives and 3 of 8 negatives, each with a deviation of about 7
    np.testing.assert_allclose(times, [150] * 4 + [75] * 8, atol=30)


def test_drawn_places_hold_positives_first():
    drawn = sample_balanced(LABELS, 64, seed=0)
    places, labels = (np.array(x) for x in drawn_places(drawn, 64))
    for b in range(4):
        kept = labels[b] >= 0
        assert kept.sum() == (np.array(drawn[b]) >= 0).sum()
        assert (LABELS[b][places[b][kept]] == labels[b][kept]).all()
        assert len(set(places[b][kept])) == kept.sum()
        assert (np.diff(labels[b]) <= 0).all()


def test_matching_is_equal_under_xla_and_sampling_keeps_its_proportion():
    def train(iou):
        matches, labels = match_boxes(iou, VALID, allow_low_quality=True)
        places, drawn = drawn_places(sample_balanced(labels, 16, seed=1), 16)
        return matches, labels, places, drawn

    compiled = tf.function(train, jit_compile=True)
    matches, labels, places, drawn = (x.numpy() for x in compiled(IOU))
    expected = [x.numpy() for x in train(tf.constant(IOU))]
    np.testing.assert_array_equal(matches, expected[0])
    np.testing.assert_array_equal(labels, expected[1])
    # XLA has random numbers of its own.
    np.testing.assert_array_equal(drawn, expected[3])
    taken = np.take_along_axis(labels, places, 1)
    np.testing.assert_array_equal(taken[drawn >= 0], drawn[drawn >= 0])
