import numpy as np
import pytest

from tfrecvis.layers import ContextualLSTM, ContextualLSTMCell

B, T, C, K, U = 2, 6, 3, 4, 5
X = np.zeros((B, T, C), "float32")
TOPIC = np.zeros((B, K), "float32")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "at least 1. Received: units=0"),
        ({"units": 2.5}, "Received: units=2.5"),
        ({"units": True}, "Received: units=True"),
        ({"context_size": -1}, "at least 0. Received: context_size=-1"),
        ({"context_size": "4"}, "Received: context_size='4'"),
        ({"peepholes": 1}, "True or False. Received: peepholes=1"),
        ({"shared_context": None}, "Received: shared_context=None"),
    ],
)
@pytest.mark.parametrize("layer", [ContextualLSTM, ContextualLSTMCell])
def test_bad_argument_says_what_is_expected(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(**{"units": U, "context_size": K, **arguments})


@pytest.mark.parametrize("name", ["return_sequences", "return_state", "go_backwards"])
def test_flag_that_is_no_boolean_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be True or False"):
        ContextualLSTM(U, K, **{name: "yes"})


def built():
    layer = ContextualLSTM(U, K)
    layer.build((B, T, C), (B, K))
    return layer


def test_sequences_of_another_rank_are_refused():
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        built()(X[0], context=TOPIC)


def test_sequences_without_steps_are_refused():
    with pytest.raises(ValueError, match=r"at least one step. Received: sequences\."):
        built()(X[:, :0], context=TOPIC)


def test_unknown_features_are_refused():
    with pytest.raises(ValueError, match="last axis of `inputs` must be known"):
        ContextualLSTM(U, K).build((B, T, None), (B, K))


@pytest.mark.parametrize(
    "shape", [(B, K + 1), (B + 1, K), (B, T - 1, K), (K,), (B, 1, T, K)]
)
def test_context_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"`context` must have .*context_size=4"):
        built()(X, context=np.zeros(shape, "float32"))


def test_features_that_are_all_context_are_refused():
    with pytest.raises(ValueError, match="at least one must stand before them"):
        ContextualLSTM(U, C)(X)


def test_sequences_of_other_features_are_refused():
    with pytest.raises(ValueError, match="3 features and, without `context`, 4 of"):
        built()(X)
    with pytest.raises(
        ValueError, match=r"here \(any, ..., 3\). Received: inputs.shape=\(2, 6, 2\)"
    ):
        built()(X[..., :2], context=TOPIC)


@pytest.mark.parametrize(
    "state",
    [np.zeros((B, U)), [np.zeros((B, U))], [np.zeros((B, U)), np.zeros((B, U + 1))]],
    ids=["one tensor", "one state", "another width"],
)
def test_initial_state_other_than_h_and_c_is_refused(state):
    with pytest.raises(
        ValueError, match=r"initial_state.*\(batch, units\), here \(2, 5\)"
    ):
        built()(X, context=TOPIC, initial_state=state)


def test_lists_of_numbers_are_read_as_arrays():
    layer, rng = ContextualLSTM(U, K), np.random.default_rng(0)
    x, topic, h, c = (
        rng.normal(size=shape).astype("float32")
        for shape in (X.shape, TOPIC.shape, (B, U), (B, U))
    )
    mask = rng.random((B, T)) < 0.7
    states = [h.tolist(), c.tolist()]
    got = layer(x, context=topic.tolist(), initial_state=states, mask=mask.tolist())
    expected = layer(x, context=topic, initial_state=[h, c], mask=mask)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "states", "message"),
    [
        (X[:, 0], [(B, U)], r"`states` must be the list \[h, c\].*shapes \[\(2, 5\)\]"),
        (
            X[:, 0],
            [(B, U + 1)] * 2,
            r"here \(2, 5\). Received: states\[0\].shape=\(2, 6\)",
        ),
        (
            X[:, 0],
            [(B + 1, U)] * 2,
            r"here \(2, 5\). Received: states\[0\].shape=\(3, 5\)",
        ),
        (X, [(B, U)] * 2, "expected ndim=2, found ndim=3"),
    ],
    ids=["one state", "another width", "another batch", "sequences"],
)
def test_cell_refuses_what_is_no_step(inputs, states, message):
    states = [np.zeros(shape, "float32") for shape in states]
    with pytest.raises(ValueError, match=message):
        ContextualLSTMCell(U, K)(inputs, states, context=TOPIC)


@pytest.mark.parametrize("shape", [(B, T, 1), (B, T - 1), (T, B)])
def test_mask_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"`mask` must have .*mask.shape="):
        built()(X, context=TOPIC, mask=np.ones(shape, bool))


def test_mask_that_removes_every_step_is_refused():
    mask = np.array([[True] * T, [False] * T])
    with pytest.raises(ValueError, match=r"every step of sequences \[1\].* Leave such"):
        built()(X, context=TOPIC, mask=mask)
