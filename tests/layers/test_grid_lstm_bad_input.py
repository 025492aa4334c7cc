import numpy as np
import pytest

from tfrecvis.layers import GridLSTM

B, H, W, F, U = 2, 5, 4, 3, 3
IMAGES = np.zeros((B, H, W, F), "float32")
SEQUENCES = np.zeros((B, H, F), "float32")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be an integer of at least 1. Received: units=0"),
        ({"units": 2.5}, "Received: units=2.5"),
        ({"units": True}, "Received: units=True"),
        ({"depth": 0}, "`depth` must be an integer of at least 1. Received: depth=0"),
        ({"depth": None}, "Received: depth=None"),
        ({"tied": "depth"}, "`tied` must be True or False. Received: tied='depth'"),
        ({"peepholes": 1}, "`peepholes` must be True or False. Received: peepholes=1"),
        ({"return_state": None}, "Received: return_state=None"),
        ({"output_gate": "tanh"}, "one of 'inside', 'outside'. .*output_gate='tanh'"),
        ({"transforms": ("gru", "lstm")}, r"Received: transforms=\('gru', 'lstm'\). U"),
        ({"transforms": "lstm"}, "one name for each axis .* transforms='lstm'"),
        ({"transforms": ()}, r"Received: transforms=\(\)"),
        ({"transforms": (None, "lstm")}, r"Received: transforms=\(None, 'lstm'\)"),
        ({"transforms": 3}, "Received: transforms=3"),
        ({"priority": "depth"}, "tuple of integers.* Received: priority='depth'"),
        ({"priority": -1}, "Received: priority=-1"),
        ({"priority": (1.5,)}, r"Received: priority=\(1.5,\)"),
        ({"reverse": True}, "`reverse` must be a tuple .* Received: reverse=True"),
        ({"reverse": (0, False)}, r"Received: reverse=\(0, False\)"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        GridLSTM(**{"units": U, "depth": 2, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"transforms": ("lstm",) * 2}, "one for the depth, 3 for inputs of rank 4"),
        ({"transforms": ("lstm",) * 4}, "3 for inputs of rank 4"),
        ({"priority": (3,)}, r"3 dimensions.* Received: priority=\(3,\). Use 0 to 2"),
        ({"priority": (-4,)}, r"Received: priority=\(-4,\)"),
        ({"priority": (2, -1)}, r"each once.* Received: priority=\(2, -1\)"),
        ({"priority": (0, 1, 2)}, r"not all. Received: priority=\(0, 1, 2\)"),
        ({"reverse": (2,)}, r"a grid of 2 axes.* Received: reverse=\(2,\)"),
        ({"reverse": (-1,)}, r"Received: reverse=\(-1,\). Use numbers from 0"),
        ({"reverse": (0, 0)}, r"each once.* Received: reverse=\(0, 0\)"),
    ],
)
def test_dimension_that_images_do_not_have_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GridLSTM(U, depth=2, **arguments)(IMAGES)


@pytest.mark.parametrize("shape", [(B,), ()])
def test_inputs_without_features_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(batch, \*grid, features\). Received"):
        GridLSTM(U, depth=2).build(shape)


def test_unknown_features_are_refused():
    with pytest.raises(ValueError, match="last axis of `inputs` must be known"):
        GridLSTM(U, depth=2).build((None, H, None))


def test_inputs_of_another_rank_or_width_than_the_weights_are_refused():
    layer = GridLSTM(U, depth=2)
    layer(IMAGES)
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        layer(SEQUENCES)
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have"):
        layer(IMAGES[..., :2])


@pytest.mark.parametrize("shape", [(B, 0, F), (B, H, 0, F), (B, 0, W, F)])
def test_grids_without_positions_are_refused(shape):
    with pytest.raises(ValueError, match="at least one position. Received: inputs.sha"):
        GridLSTM(U, depth=2)(np.zeros(shape, "float32"))


@pytest.mark.parametrize("shape", [(B, H, W, 1), (B, H), (B, W, H), (1, H, W)])
def test_mask_of_another_shape_than_its_inputs_is_refused(shape):
    with pytest.raises(ValueError, match=r"Received: mask.shape=.*, inputs.shape="):
        GridLSTM(U, depth=2)(IMAGES, mask=np.ones(shape, bool))


def test_mask_of_an_empty_batch_removes_no_grid():
    layer = GridLSTM(U, depth=2)
    assert layer(SEQUENCES[:0], mask=np.ones((0, H), bool)).shape == (0, H, U)
    assert layer(SEQUENCES[:0]).shape == (0, H, U)


def test_mask_that_removes_a_whole_grid_is_refused():
    mask = np.ones((B, H, W), bool)
    mask[1] = False
    with pytest.raises(ValueError, match=r"every position of grids \[1\]"):
        GridLSTM(U, depth=2)(IMAGES, mask=mask)


@pytest.mark.parametrize(
    "shapes",
    [
        [(B, 2, U)],
        [(B, 2, U)] * 3,
        [(B, 2, U), (B, 3, U)],
        [(B, 2, U), (B, 2, 1)],
        [(B, U), (B, U)],
        [(1, 2, U), (1, 2, U)],
    ],
)
def test_initial_state_of_another_shape_says_which_is_expected(shapes):
    state = [np.zeros(shape, "float32") for shape in shapes]
    with pytest.raises(ValueError, match=r"here \(2, 2, 3\). Received"):
        GridLSTM(U, depth=2)(SEQUENCES, initial_state=state)


def test_state_without_a_grid_is_refused():
    features = np.zeros((B, F), "float32")
    with pytest.raises(ValueError, match="no state to return without a grid"):
        GridLSTM(U, depth=2, return_state=True)(features)
    with pytest.raises(ValueError, match=r"inputs.shape=.*first axis of the grid"):
        GridLSTM(U, depth=2)(features, initial_state=[np.zeros((B, 2, U))])
