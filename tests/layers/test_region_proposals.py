import keras
import numpy as np
import pytest
from reference import regions as reference

from tfrecvis.layers import RegionProposals


def draw(seed=0, count=40, batch=2):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-5, 50, (count, 2))
    anchors = np.concatenate([corners, corners + rng.uniform(4, 20, (count, 2))], -1)
    return {
        "logits": rng.normal(size=(batch, count)).astype("float32"),
        "deltas": rng.normal(size=(batch, count, 4), scale=0.3).astype("float32"),
        "anchors": anchors.astype("float32"),
        "images": np.zeros((batch, 48, 56, 3), "uint8"),
    }


def propose(layer, logits, **others):
    return keras.ops.convert_to_numpy(layer(logits, **others))


@pytest.mark.parametrize("count", [5, 40])
def test_proposals_equal_the_numpy_loop(count):
    sample = draw()
    layer = RegionProposals(count, max_candidates=30, iou_threshold=0.4, min_size=6.0)
    found = propose(layer, **sample)
    for image in range(2):
        expected = reference.proposals(
            sample["logits"][image],
            sample["deltas"][image],
            sample["anchors"],
            (48, 56),
            count,
            candidates=30,
            threshold=0.4,
            min_size=6.0,
        )
        np.testing.assert_allclose(found[image], expected, rtol=1e-4, atol=1e-3)


def test_boxes_outside_the_image_are_no_proposals():
    sample = draw(count=3)
    sample["anchors"] = np.array([[60.0, 0, 70, 9], [-9, 0, -2, 8], [0, 0, 9, 9]], "f")
    sample["deltas"] *= 0
    found = propose(RegionProposals(3, min_size=0.0), **sample)
    np.testing.assert_allclose(found[0], [[0, 0, 9, 9], [0] * 4, [0] * 4])


def test_no_anchors_give_padding():
    sample = {**draw(), "logits": np.zeros((2, 0), "float32")}
    sample.update(deltas=np.zeros((2, 0, 4)), anchors=np.zeros((0, 4)))
    assert not propose(RegionProposals(4), **sample).any()


def test_half_precision_does_not_move_proposals():
    sample = draw(3)
    whole = propose(RegionProposals(9), **sample)
    half = propose(RegionProposals(9, dtype="mixed_float16"), **sample)
    np.testing.assert_array_equal(whole, half)


def test_no_gradient_passes():
    import tensorflow as tf

    sample = {name: tf.constant(value) for name, value in draw().items()}
    with tf.GradientTape() as tape:
        tape.watch(sample["deltas"])
        total = tf.reduce_sum(RegionProposals(9)(sample.pop("logits"), **sample))
    assert tape.gradient(total, sample["deltas"]) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_outputs": 0}, "`max_outputs` must be an integer of at least 1"),
        ({"max_candidates": 0}, "`max_candidates` must be an integer of at least 1"),
        ({"iou_threshold": 70}, "Is it in percent"),
        ({"min_size": -1}, "`min_size` must be"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RegionProposals(**arguments)


def test_inputs_that_do_not_fit_are_named():
    sample = draw()
    with pytest.raises(ValueError, match="`anchors` is missing"):
        propose(RegionProposals(), **{**sample, "anchors": None})
    with pytest.raises(ValueError, match="`deltas` must have the shape"):
        propose(RegionProposals(), **{**sample, "deltas": sample["deltas"][:, :3]})
