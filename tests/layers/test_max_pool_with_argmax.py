import keras
import numpy as np
import pytest

from tfrecvis.layers import MaxPoolWithArgmax

MAPS = np.random.default_rng(0).normal(size=(2, 7, 9, 3)).astype("float32")


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_values_are_those_of_keras(padding):
    values, indices = MaxPoolWithArgmax(2, padding)(MAPS)
    np.testing.assert_array_equal(
        values, keras.layers.MaxPooling2D(2, padding=padding)(MAPS)
    )
    rows = MAPS.reshape(2, 63, 3)
    flat = np.array(indices).reshape(2, -1, 3)
    taken = np.take_along_axis(rows, flat, 1).reshape(values.shape)
    np.testing.assert_array_equal(taken, values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"pool_size": 0}, "pool_size=0"), ({"padding": "full"}, "padding='full'")],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MaxPoolWithArgmax(**arguments)
