import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.layers import GraphLSTM

B, N, F, U = 2, 4, 3, 5
FEATURES = np.zeros((B, N, F), "float32")
# A path: 0 - 1 - 2 - 3.
NEIGHBOURS = np.array([[[1, -1], [0, 2], [1, 3], [2, -1]]] * B)
CONFIDENCE = np.ones((B, N), "float32")


def changed(place, value, values=NEIGHBOURS):
    values = values.copy()
    values[place] = value
    return values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be an integer of at least 1. Received: units=0"),
        ({"units": 2.5}, "Received: units=2.5"),
        ({"units": True}, "Received: units=True"),
        ({"residual": 1}, "`residual` must be True or False. Received: residual=1"),
        ({"return_state": None}, "`return_state` must be True or False"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        GraphLSTM(**{"units": U, **arguments})


@pytest.mark.parametrize(
    ("neighbours", "message"),
    [
        (changed((1, 2, 0), 2), "cannot be its own neighbour. Received: node 2 of gra"),
        (
            changed((1, 2, 0), 4),
            "from 0 to 3, or -1 .* Received: 4 as a neighbour of n",
        ),
        (changed((0, 1, 1), -2), "Received: -2 as a neighbour of node 1 of graph 0"),
        (
            changed((0, 1), [0, 0]),
            "counts once. Received: node 0 twice in .* of node 1",
        ),
        (
            np.array([[[1], [0], [-1], [1]]] * B),
            "must have a neighbour. Received: node 2 of graph 0",
        ),
    ],
)
def test_list_that_is_no_graph_says_where(neighbours, message):
    with pytest.raises(ValueError, match=message):
        GraphLSTM(U)(FEATURES, neighbours=neighbours)


def test_edge_to_padding_says_where():
    mask = np.array([[True, True, True, True], [True, True, False, True]])
    with pytest.raises(
        ValueError, match="node 2, which the mask removes, in .* node 1"
    ):
        GraphLSTM(U)(FEATURES, neighbours=NEIGHBOURS, mask=mask)


def test_mask_that_removes_everything_is_refused():
    mask = np.array([[True] * N, [False] * N])
    with pytest.raises(ValueError, match=r"removes every node of graphs \[1\]"):
        GraphLSTM(U)(FEATURES, neighbours=NEIGHBOURS, mask=mask)


def test_confidence_with_nan_says_where():
    confidence = changed((1, 3), np.nan, CONFIDENCE)
    with pytest.raises(ValueError, match="NaN for node 3 of graph 1"):
        GraphLSTM(U)(FEATURES, neighbours=NEIGHBOURS, confidence=confidence)


@pytest.mark.parametrize(
    ("adjacency", "message"),
    [
        (np.full((B, N, N), 0.5), "zeros and ones, .* Received: 0.5 for nodes 0 and 0"),
        (
            np.ones((B, N, N)),
            "cannot be its own neighbour. Received: node 0 of graph 0",
        ),
        (np.zeros((B, N, N)), "must have a neighbour. Received: node 0 of graph 0"),
    ],
)
def test_matrix_that_is_no_adjacency_says_where(adjacency, message):
    with pytest.raises(ValueError, match=message):
        GraphLSTM(U)(FEATURES, adjacency=adjacency)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Pass one of `neighbours` and `adjacency`. Received: none"),
        (
            {"neighbours": NEIGHBOURS, "adjacency": np.zeros((B, N, N))},
            "Pass one of `neighbours` and `adjacency`. Received: both",
        ),
        (
            {
                "neighbours": NEIGHBOURS,
                "confidence": CONFIDENCE,
                "order": np.zeros((B, N), int),
            },
            "Pass at most one of `confidence` and `order`. Received: both",
        ),
        ({"neighbours": NEIGHBOURS[0]}, r"neighbours\), here \(2, 4, any\)"),
        ({"neighbours": NEIGHBOURS[:, 1:]}, r"neighbours.shape=\(2, 3, 2\), features"),
        (
            {"neighbours": NEIGHBOURS * 1.0},
            "must be integers. .* neighbours.dtype=float",
        ),
        (
            {"adjacency": np.zeros((B, N, N + 1))},
            r"`adjacency` must have .* here \(2, 4, 4\)",
        ),
        (
            {"neighbours": NEIGHBOURS, "confidence": CONFIDENCE[:, :-1]},
            r"`confidence` must have .* here \(2, 4\)",
        ),
        (
            {"neighbours": NEIGHBOURS, "order": CONFIDENCE},
            "`order` must be integers. Received: order.dtype=float32",
        ),
        (
            {"neighbours": NEIGHBOURS, "order": np.zeros((B, N + 1), int)},
            r"`order` must have .* here \(2, 4\)",
        ),
        (
            {"neighbours": NEIGHBOURS, "mask": np.ones((B, N, 1), bool)},
            r"`mask` must have .* here \(2, 4\)",
        ),
        (
            {"neighbours": NEIGHBOURS, "initial_state": np.zeros((B, N, U))},
            r"must be the list \[h, m\]",
        ),
        (
            {"neighbours": NEIGHBOURS, "initial_state": [np.zeros((B, N, U + 1))] * 2},
            r"here \(2, 4, 5\). Received: initial_state\[0\].*units=5",
        ),
        (
            {"neighbours": NEIGHBOURS, "initial_state": [None, np.zeros((B, N, U))]},
            "`initial_state` must be .* Received: initial_state=None",
        ),
        (
            {"neighbours": [[[1], [0, 2], [1, 3], [2]]] * B},
            "`neighbours` must be .* in rows of one length",
        ),
    ],
)
def test_call_that_does_not_fit_its_features_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GraphLSTM(U)(FEATURES, **options)


def test_graph_without_nodes_is_refused():
    with pytest.raises(
        ValueError, match="at least one node. Received: features.shape="
    ):
        GraphLSTM(U)(FEATURES[:, :0], neighbours=NEIGHBOURS[:, :0])


def test_features_of_another_rank_are_refused():
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        GraphLSTM(U)(FEATURES[0], neighbours=NEIGHBOURS)


def test_features_of_unknown_size_are_refused():
    with pytest.raises(ValueError, match="last axis of `features` must be known"):
        GraphLSTM(U).build((None, N, None))


def test_residual_of_another_size_says_which_units_work():
    with pytest.raises(ValueError, match="Use units=3, or project the features"):
        GraphLSTM(U, residual=True)(FEATURES, neighbours=NEIGHBOURS)


def test_values_are_checked_again_in_every_eager_call():
    layer = GraphLSTM(U)
    layer(FEATURES, neighbours=NEIGHBOURS)
    with pytest.raises(ValueError, match="its own neighbour"):
        layer(FEATURES, neighbours=changed((0, 0, 0), 0))


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int32", "float64"])
def test_confidence_of_any_dtype_is_compared(dtype):
    layer, features = GraphLSTM(U), np.ones((B, N, F), "float32")
    confidence = changed((0, 2), 0, CONFIDENCE)
    expected = layer(features, neighbours=NEIGHBOURS, confidence=confidence)
    confidence = confidence.astype(dtype)
    got = layer(features, neighbours=NEIGHBOURS, confidence=confidence)
    np.testing.assert_array_equal(got, expected)


def test_lists_of_numbers_are_read_as_arrays():
    layer, features = GraphLSTM(U), np.ones((B, N, F), "float32")
    adjacency = np.zeros((B, N, N), int)
    adjacency[:, [0, 1, 1, 2], [1, 0, 2, 1]] = 1
    state = np.ones((B, N, U), "float32")
    given = {
        "confidence": np.array([[0.5, 0.25, 1, 0]] * B),
        "order": np.array([[2, 0, 1, 3]] * B),
    }
    for name, values in given.items():
        options = {
            "adjacency": adjacency,
            name: values,
            "mask": np.array([[True, True, True, False]] * B),
        }
        expected = layer(features, **options, initial_state=[state] * 2)
        lists = {name: value.tolist() for name, value in options.items()}
        got = layer(features, **lists, initial_state=[state.tolist()] * 2)
        np.testing.assert_array_equal(got, expected)
    got = layer(features, neighbours=NEIGHBOURS.tolist())
    np.testing.assert_array_equal(got, layer(features, neighbours=NEIGHBOURS))


def test_lists_are_not_judged_by_a_mask_that_is_not_there_yet():
    mask = np.array([[True, True, True, False]] * B)
    lists = changed((slice(None), 3), 99)
    lists[:, 2, 1] = -1
    lists = tf.constant(lists)
    layer = GraphLSTM(U)
    layer.build(FEATURES.shape)
    run = tf.function(lambda mask: layer(FEATURES, neighbours=lists, mask=mask))
    expected = layer(FEATURES, neighbours=lists, mask=mask)
    np.testing.assert_allclose(run(tf.constant(mask)), expected, atol=1e-6)


def test_traced_graph_of_a_wrong_list_has_only_finite_numbers():
    loops = changed((1, 2, 0), 2)
    confidence = changed((1, 3), np.nan, CONFIDENCE)
    layer = GraphLSTM(U)
    traced = tf.function(lambda n, c: layer(FEATURES, neighbours=n, confidence=c))
    assert np.isfinite(traced(loops, confidence)).all()
