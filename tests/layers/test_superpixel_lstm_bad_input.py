import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.layers import SuperpixelLSTM

B, N, F, U = 2, 4, 3, 2
FEATURES = np.zeros((B, N, F), "float32")
RING = np.stack([np.roll(np.arange(N), 1), np.roll(np.arange(N), -1)], -1)
RING = np.tile(RING[None], (B, 1, 1)).astype("int32")
LISTS = np.stack([RING, RING], 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "at least 1. Received: units=0"),
        ({"depth": 2.5}, "Received: depth=2.5"),
        ({"tied": None}, "True or False. Received: tied=None"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        SuperpixelLSTM(**{"units": U, **arguments})


def test_features_of_another_rank_are_refused():
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        SuperpixelLSTM(U)(FEATURES[0], LISTS)


def test_unknown_features_are_refused():
    with pytest.raises(ValueError, match="last axis of `features` must be known"):
        SuperpixelLSTM(U).build((B, N, None), LISTS.shape)


def test_unknown_number_of_scales_is_refused():
    with pytest.raises(ValueError, match="Axis 2 of `neighbours` must be known"):
        SuperpixelLSTM(U).build(FEATURES.shape, (B, N, None, 2))


def test_lists_without_an_axis_of_scales_are_refused():
    with pytest.raises(ValueError, match=r"For one scale, pass \[neighbours\]"):
        SuperpixelLSTM(U)(FEATURES, RING)


@pytest.mark.parametrize(
    "neighbours",
    [LISTS[:, :3], LISTS[:1], LISTS[:, :, :1], [RING], [RING, RING, RING]],
    ids=["nodes", "batch", "scales", "one scale", "three scales"],
)
def test_lists_of_other_sizes_are_refused(neighbours):
    layer = SuperpixelLSTM(U)
    layer.build(FEATURES.shape, LISTS.shape)
    with pytest.raises(
        ValueError, match=r"`neighbours` must .*(, 2, any\)| 2 tensors).*Received:"
    ):
        layer(FEATURES, neighbours)


@pytest.mark.parametrize("neighbours", [[], None], ids=["no scale", "None"])
def test_missing_lists_are_asked_for(neighbours):
    with pytest.raises(ValueError, match=r"one scale or more.* \[neighbours\]\)`"):
        SuperpixelLSTM(U)(FEATURES, neighbours)
    layer = SuperpixelLSTM(U)
    layer.build(FEATURES.shape, LISTS.shape)
    with pytest.raises(ValueError, match=r"Received: scales of shapes \[\]"):
        layer(FEATURES, neighbours)


def test_lists_of_numbers_are_read_as_arrays():
    layer, mask = SuperpixelLSTM(U), np.ones((B, N), bool)
    mask[:, 3] = False
    lists = np.where(LISTS == 3, -1, LISTS)
    expected = layer(FEATURES + 1, lists, mask=mask)
    scales = np.moveaxis(lists, 2, 0).tolist()
    got = layer(FEATURES + 1, neighbours=scales, mask=mask.tolist())
    np.testing.assert_array_equal(got, expected)


def test_lists_of_floats_are_refused():
    with pytest.raises(ValueError, match="must be integers. .*dtype=float32"):
        SuperpixelLSTM(U)(FEATURES, LISTS.astype("float32"))


@pytest.mark.parametrize("shape", [(B, N, 1), (B, N - 1), (N, B)])
def test_mask_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"`mask` must have .*mask.shape="):
        SuperpixelLSTM(U)(FEATURES, LISTS, mask=np.ones(shape, bool))


def test_no_nodes_are_refused():
    with pytest.raises(ValueError, match="at least one node"):
        SuperpixelLSTM(U)(FEATURES[:, :0], LISTS[:, :0])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (N, r"`neighbours\[1\]` must be nodes from 0 to 3.*4 as a neighbour of node 2"),
        (-2, "-2 as a neighbour of node 2 of graph 1"),
        (2, "own neighbour. Received: node 2 of graph 1"),
        (3, r"Received: node 3 twice in `neighbours\[1\]` of node 2"),
    ],
    ids=["out of range", "negative", "self-loop", "twice"],
)
def test_lists_that_are_no_graph_are_refused(value, message):
    lists = LISTS.copy()
    lists[1, 2, 1, 0] = value
    with pytest.raises(ValueError, match=message):
        SuperpixelLSTM(U)(FEATURES, lists)


def test_edge_to_padding_is_refused():
    mask = np.ones((B, N), bool)
    mask[1, 3] = False
    with pytest.raises(ValueError, match="padded node cannot be a neighbour"):
        SuperpixelLSTM(U)(FEATURES, LISTS, mask=mask)


def test_mask_that_removes_every_node_is_refused():
    mask = np.ones((B, N), bool)
    mask[1] = False
    with pytest.raises(ValueError, match=r"removes every node of graphs \[1\]"):
        SuperpixelLSTM(U)(FEATURES, LISTS, mask=mask)


def test_node_that_is_alone_at_every_scale_is_refused():
    lists = LISTS.copy()
    lists[0, 1] = -1
    lists[lists == 1] = -1
    with pytest.raises(ValueError, match="node 1 of graph 0 has none"):
        SuperpixelLSTM(U)(FEATURES, lists)
    lists[0, 1, 1, 0] = 2  # at one scale is enough
    lists[1] = LISTS[1]
    assert SuperpixelLSTM(U)(FEATURES, lists).shape == (B, N, U)


def test_lists_are_not_judged_by_a_mask_that_is_not_there_yet():
    mask = np.ones((B, N), bool)
    mask[:, 3] = False
    lists = np.where(LISTS == 3, -1, LISTS)
    lists[:, 3] = 99
    lists = tf.constant(lists)
    layer = SuperpixelLSTM(U)
    layer.build(FEATURES.shape, LISTS.shape)
    run = tf.function(lambda mask: layer(FEATURES, lists, mask=mask))
    assert np.isfinite(run(tf.constant(mask))).all()
