import numpy as np
import pytest

from tfrecvis.layers import MaxPoolWithArgmax, MaxUnpool2D

MAPS = np.random.default_rng(0).normal(size=(2, 7, 9, 3)).astype("float32")


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_unpooling_gives_the_maxima_back_and_zeros(padding):
    values, indices = MaxPoolWithArgmax(2, padding)(MAPS)
    up = np.array(MaxUnpool2D()(values, indices=indices, like=MAPS))
    assert up.shape == MAPS.shape
    assert set(np.unique(up[up != MAPS])) <= {0}
    again = MaxPoolWithArgmax(2, padding)(np.where(up == 0, -np.inf, up))
    np.testing.assert_array_equal(again[0], values)


def test_without_a_map_the_size_is_that_of_whole_windows():
    values, indices = MaxPoolWithArgmax((2, 3))(MAPS[:, :6])
    up = MaxUnpool2D((2, 3))(values, indices=indices)
    like = MaxUnpool2D((2, 3))(values, indices=indices, like=MAPS[:, :6])
    np.testing.assert_array_equal(up, like)


@pytest.mark.parametrize(
    ("indices", "like", "message"),
    [
        (np.zeros((2, 3, 4, 2), "int32"), None, r"indices.shape=\(2, 3, 4, 2\)"),
        (np.zeros((2, 3, 4, 3), "float32"), None, "must be integers"),
        (np.zeros((2, 3, 4, 3), "int32"), MAPS[:1], r"like.shape=\(1, 7, 9, 3\)"),
    ],
)
def test_indices_that_do_not_fit_are_refused(indices, like, message):
    with pytest.raises(ValueError, match=message):
        MaxUnpool2D()(MAPS[:, :3, :4], indices=indices, like=like)


def test_pool_size_must_be_positive():
    with pytest.raises(ValueError, match=r"pool_size=\(2, 0\)"):
        MaxUnpool2D((2, 0))
