import numpy as np
import pytest
from layers.causal import (
    IMAGES,
    RECURRENT,
    C,
    CausalRecurrence,
    F,
    H,
    W,
    before,
    built,
    call,
    sees,
)
from reference.causal_layers import diagonal_bilstm

from tfrecvis.layers import DiagonalBiLSTM


@pytest.fixture(params=RECURRENT.values(), ids=RECURRENT)
def options(request):
    return request.param


class TestDiagonalBiLSTM(CausalRecurrence):
    layer = DiagonalBiLSTM
    loop = staticmethod(diagonal_bilstm)


@pytest.mark.parametrize("options", [{}, {"num_colors": 3}])
def test_diagonal_bilstm_sees_all_that_comes_before(options):
    layer = built(DiagonalBiLSTM, **options)
    allowed = before((3, 4), C, F, layer.num_colors, own=True)
    np.testing.assert_array_equal(sees(layer, (3, 4), C), allowed)


def test_mirrored_image_swaps_the_halves_of_diagonal_bilstm():
    layer, swapped = built(DiagonalBiLSTM), built(DiagonalBiLSTM)
    swapped.set_weights([w[::-1] for w in layer.get_weights()])
    # The right half is a row late: outputs of the left half, mirrored, move down.
    ours = call(layer) - call(without_right(layer))
    theirs = call(without_right(swapped), IMAGES[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_allclose(ours[:, 1:], theirs[:, :-1], atol=1e-5)
    np.testing.assert_allclose(ours[:, 0], 0, atol=1e-6)


def without_right(layer):
    """The same left half; a right half whose output gates are shut."""
    copy = built(DiagonalBiLSTM)
    weights = layer.get_weights()
    names = [w.name for w in layer.weights]
    for name, weight in zip(names, weights, strict=True):
        if name != "initial_state":
            weight[1] = 0
        if name == "bias":
            weight[1, 3 * F :] = -100
    copy.set_weights(weights)
    return copy


def test_sequential_steps_are_the_diagonals_of_each_half(count_steps):
    call(built(DiagonalBiLSTM))
    assert count_steps == [H + W - 1] * 2
