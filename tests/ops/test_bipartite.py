import numpy as np
import pytest
import tensorflow as tf
from reference.one_stage import pairs

from tfrecvis.ops import match_pairs

RNG = np.random.default_rng(0)
# Tenths, so that there are ties; two boxes and a whole image are padding.
IOU = (RNG.integers(0, 11, (3, 5, 30)) * (RNG.uniform(size=(3, 5, 30)) < 0.2)) / 10
IOU = IOU.astype("float32")
IOU[0, 2] = 0  # a box that no anchor overlaps
IOU[1, :3] = IOU[1, :1]  # boxes that want the same anchors
VALID = np.ones((3, 5), bool)
VALID[1, 3:] = VALID[2] = False


@pytest.mark.parametrize("jit_compile", [False, True])
def test_pairs_are_those_of_the_numpy_loop(jit_compile):
    found = tf.function(match_pairs, jit_compile=jit_compile)(IOU, VALID).numpy()
    for b in range(3):
        np.testing.assert_array_equal(found[b], pairs(IOU[b], VALID[b]))


def test_every_box_has_one_anchor_where_there_is_one():
    found = match_pairs(IOU, VALID).numpy()
    assert sorted(found[0][found[0] >= 0]) == [0, 1, 3, 4]
    assert sorted(found[1][found[1] >= 0]) == [0, 1, 2]
    assert (found[2] == -1).all()


@pytest.mark.parametrize("shape", [(2, 0, 4), (2, 3, 0), (2, 3, 2), (2, 1, 4)])
def test_any_number_of_boxes_and_anchors(shape):
    iou = np.random.default_rng(1).uniform(size=shape).astype("float32")
    found = match_pairs(iou).numpy()
    assert found.shape == (2, shape[2])
    assert ((found >= 0).sum(1) == min(shape[1:])).all()


def test_sizes_known_only_at_run_time():
    specs = [tf.TensorSpec((None, None, None)), tf.TensorSpec((None, None), "bool")]
    function = tf.function(match_pairs, input_signature=specs)
    np.testing.assert_array_equal(function(IOU, VALID), match_pairs(IOU, VALID))


def test_overlap_of_next_to_nothing_makes_no_pair():
    assert match_pairs(np.full((1, 1, 2), 1e-6, "float32")).numpy().max() == -1


def test_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"valid.shape=\(3, 2\)"):
        match_pairs(IOU, VALID[:, :2])
