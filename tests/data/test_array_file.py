import numpy as np
import pytest

from tfrecvis.data import read_array_file


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (5, 4, 6), "uint8"),
        "y_train": np.array([3, 1, 4, 1, 5], "uint8"),
        "x_test": rng.integers(0, 256, (2, 4, 6, 3), "uint8"),
        "y_test": np.array([1, 2]),
        "x_bad": np.zeros((3, 4, 6), "uint8"),
        "y_bad": np.zeros(2),
    }
    np.savez(tmp_path / "digits.npz", **arrays)
    return tmp_path / "digits.npz"


def test_images_without_channels_get_one(file):
    images, classes = read_array_file(file, "train")
    assert images.shape == (5, 4, 6, 1)
    assert images.dtype == np.uint8
    assert classes.tolist() == [3, 1, 4, 1, 5]


def test_images_with_channels_stay_and_a_folder_stands_for_its_file(file):
    images, classes = read_array_file(file.parent, "test")
    assert images.shape == (2, 4, 6, 3)
    assert classes.dtype == np.int32


def test_what_cannot_be_used_is_named(file, tmp_path):
    with pytest.raises(ValueError, match="no arrays x_val and y_val.*x_test, x_train"):
        read_array_file(file, "val")
    with pytest.raises(ValueError, match=r"y_bad.shape=\(2,\)"):
        read_array_file(file, "bad")
    with pytest.raises(ValueError, match="There is no file"):
        read_array_file(tmp_path / "none.npz", "train")
    (tmp_path / "broken").mkdir()
    with pytest.raises(ValueError, match="one .npz file. Received: 0"):
        read_array_file(tmp_path / "broken", "train")
    (tmp_path / "broken" / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="broken.npz cannot be read"):
        read_array_file(tmp_path / "broken", "train")
