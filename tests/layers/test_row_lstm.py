import keras
import numpy as np
import pytest
from layers.causal import (
    IMAGES,
    RECURRENT,
    C,
    CausalRecurrence,
    F,
    H,
    built,
    call,
    sees,
)
from reference.causal_layers import row_lstm

from tfrecvis.layers import RowLSTM

VARIANTS = {
    **RECURRENT,
    "wide": {"kernel_size": 5},
    "kernel size 1": {"kernel_size": 1},
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def options(request):
    return request.param


class TestRowLSTM(CausalRecurrence):
    layer = RowLSTM
    loop = staticmethod(row_lstm)


def test_row_lstm_sees_its_triangle():
    seen = sees(built(RowLSTM, kernel_size=3), (4, 7), C).any((2, 5))
    # In a row the pixel and its left; each row up, one pixel more on the right.
    for row, columns in ((3, [2, 3]), (2, [1, 2, 3, 4]), (1, [0, 1, 2, 3, 4, 5])):
        np.testing.assert_array_equal(np.flatnonzero(seen[3, 3, row]), columns)


def test_one_column_row_lstm_of_kernel_size_1_is_an_lstm():
    layer = built(RowLSTM, kernel_size=1, learn_initial_state=False)
    theirs = keras.layers.LSTM(F, return_sequences=True)
    column = IMAGES[:, :, 0]
    theirs.build(column.shape)
    kernel, recurrent_kernel, bias = layer.get_weights()
    theirs.set_weights([kernel[0], recurrent_kernel, bias])
    y = call(layer, column[:, :, None])[:, :, 0]
    np.testing.assert_allclose(y, theirs(column), atol=1e-5)


def test_sequential_steps_are_rows(count_steps):
    call(built(RowLSTM))
    assert count_steps == [H]
