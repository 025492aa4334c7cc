import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.layers import TreeLSTM

B, N, F, U = 2, 4, 3, 5
FEATURES = np.zeros((B, N, F), "float32")
# Node 3 is the root of 0 and 2, node 2 of 1.
CHILDREN = np.array([[[-1, -1], [-1, -1], [1, -1], [0, 2]]] * B)


def changed(place, value):
    children = CHILDREN.copy()
    children[place] = value
    return children


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be an integer of at least 1. Received: units=0"),
        ({"units": 1.0}, "Received: units=1.0"),
        ({"variant": "sum"}, "one of 'child_sum', 'n_ary'. .*variant='sum'"),
        ({"variant": "n_ary"}, "`max_children` must be an .* max_children=None"),
        ({"variant": "n_ary", "max_children": 0}, "Received: max_children=0"),
        ({"max_children": 2}, "Leave `max_children` out"),
        ({"return_nodes": 1}, "`return_nodes` must be True or False"),
        ({"return_state": 1}, "`return_state` must be True or False"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        TreeLSTM(**{"units": U, **arguments})


@pytest.mark.parametrize(
    ("children", "message"),
    [
        (changed((1, 1, 0), 1), "cannot be its own child. Received: node 1 of tree 1"),
        (changed((1, 1, 0), 4), "Received: 4 as a child of node 1 of tree 1"),
        (changed((1, 1, 0), -2), "Received: -2 as a child of node 1 of tree 1"),
        (changed((1, 0, 0), 1), "node 1 of tree 1 is a child of node . and of node"),
        (changed((0, 1, 0), 3), "no cycles. Received: node [123] of tree 0 is its"),
        (changed((0, 3, 1), -1), "nodes 2 and 3 of tree 0 have no parent. Give each"),
    ],
)
def test_children_that_are_no_tree_say_where(children, message):
    for options in ({}, {"variant": "n_ary", "max_children": 2}):
        with pytest.raises(ValueError, match=message):
            TreeLSTM(U, **options)(FEATURES, children=children)


def test_more_children_than_n_are_refused():
    with pytest.raises(ValueError, match="at most 1 children.*Raise `max_children`"):
        TreeLSTM(U, "n_ary", max_children=1)(FEATURES, children=CHILDREN)


def test_mask_that_removes_a_child_or_everything_is_refused():
    for mask, message in (
        ([True, False, True, True], "padded node cannot be a child. Received: node 1"),
        ([False] * N, r"removes every node of trees \[0, 1\]"),
    ):
        with pytest.raises(ValueError, match=message):
            TreeLSTM(U)(FEATURES, children=CHILDREN, mask=np.array([mask] * B))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"children": CHILDREN[0]}, r"children\), here \(2, 4, any\)"),
        ({"children": CHILDREN[:, 1:]}, r"Received: children.shape=\(2, 3, 2\)"),
        ({"children": CHILDREN * 1.0}, "`children` must be integers"),
        ({"children": None}, "children=None. Use `layer"),
        ({"children": [[[1], [2, 3]]]}, "`children` must be .* rows of one length"),
        (
            {"children": CHILDREN, "mask": np.ones((B, N + 1))},
            "`mask` must have the shape",
        ),
    ],
)
def test_call_that_does_not_fit_its_features_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TreeLSTM(U)(FEATURES, **options)


def test_children_without_a_sign_are_refused_as_those_of_a_tree():
    with pytest.raises(ValueError, match="255 as a child of node 0 of tree 0"):
        TreeLSTM(U)(FEATURES, children=CHILDREN.astype("uint8"))


def test_lists_of_numbers_are_read_as_arrays():
    mask = np.array([[True] * N, [False, True, True, True]])
    children = changed((1, 3, 0), -1)
    features = FEATURES + 1
    for options in ({}, {"variant": "n_ary", "max_children": 3}):
        layer = TreeLSTM(U, **options)
        expected = layer(features, children=children, mask=mask)
        got = layer(features, children=children.tolist(), mask=mask.tolist())
        np.testing.assert_array_equal(got, expected)


def test_children_are_not_judged_by_a_mask_that_is_not_there_yet():
    mask = np.array([[False, True, True, True]] * B)
    children = changed((slice(None), 0), 99)
    children[:, 3, 0] = -1
    children = tf.constant(children)
    layer = TreeLSTM(U)
    layer.build(FEATURES.shape)
    run = tf.function(lambda mask: layer(FEATURES, children=children, mask=mask))
    expected = layer(FEATURES, children=children, mask=mask)
    np.testing.assert_allclose(run(tf.constant(mask)), expected, atol=1e-6)


def test_tree_without_nodes_is_refused():
    with pytest.raises(
        ValueError, match="at least one node. Received: features.shape="
    ):
        TreeLSTM(U)(FEATURES[:, :0], children=CHILDREN[:, :0])


def test_features_of_another_rank_or_unknown_size_are_refused():
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        TreeLSTM(U)(FEATURES[0], children=CHILDREN)
    with pytest.raises(ValueError, match="last axis of `features` must be known"):
        TreeLSTM(U).build((None, N, None))
