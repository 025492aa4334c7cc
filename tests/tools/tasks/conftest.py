"""A small file of images with classes, as Keras' MNIST is."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    rng = np.random.default_rng(0)
    np.savez(
        path,
        x_train=rng.integers(0, 256, (30, 8, 8), "uint8"),
        y_train=np.arange(30) % 3,
        x_test=rng.integers(0, 256, (5, 8, 8), "uint8"),
        y_test=np.arange(5) % 3,
    )
    return path
