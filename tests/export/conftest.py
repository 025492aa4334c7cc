"""One tiny recurrent segmentation model, and one export of it for all tests."""

import types

import keras
import numpy as np
import pytest

from tfrecvis import export, ops

CLASSES = ["sky", "road", "tree"]


@keras.saving.register_keras_serializable("tfrecvis_tests")
class Sweep(keras.layers.Layer):
    """A recurrence over the rows of an image: h[t] = tanh([x[t], h[t - 1]] kernel)."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        shape = (input_shape[-1] + self.units, self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, images):
        rows = keras.ops.transpose(images, (1, 0, 2, 3))
        kernel = keras.ops.convert_to_tensor(self.kernel)
        state = keras.ops.zeros_like(rows[0] @ kernel[: rows.shape[-1]])

        def step(carry, x):
            h = keras.ops.tanh(keras.ops.concatenate([x[0], carry[0]], -1) @ kernel)
            return (h,), (h,)

        _, (outputs,) = ops.scan(step, (state,), (rows,), like=(state,))
        return keras.ops.transpose(outputs, (1, 0, 2, 3))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def make_segmenter(softmax=False, input_shape=(None, None, 3), dtype="float32"):
    keras.utils.set_random_seed(7)
    images = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 127.5, -1, dtype=dtype)(images)
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", dtype=dtype)(x)
    x = Sweep(8, dtype=dtype)(x)
    # Over 1024 weights: the converter leaves smaller matrices in float32.
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", dtype=dtype)(x)
    x = keras.layers.Conv2D(
        len(CLASSES),
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=2.0, seed=3),
        activation="softmax" if softmax else None,
        dtype=dtype,
        name="logits",
    )(x)
    return keras.Model(images, x, name="tiny")


@pytest.fixture(scope="session")
def segmenter():
    return make_segmenter()


@pytest.fixture(scope="session")
def build_segmenter():
    return make_segmenter


@pytest.fixture(scope="session")
def images():
    return np.random.default_rng(1).integers(0, 256, (5, 16, 24, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def exported(segmenter, images, tmp_path_factory):
    """What one call of `export_model` with every format wrote and returned."""
    directory = tmp_path_factory.mktemp("exports") / "tiny"
    report = export.export_model(
        segmenter, directory, images, version=3, class_names=CLASSES
    )
    probabilities = keras.ops.convert_to_numpy(
        keras.ops.softmax(segmenter(images.astype("float32")))
    )
    return types.SimpleNamespace(
        directory=directory,
        path=directory / "3",
        report=report,
        probabilities=probabilities,
        labels=probabilities.argmax(-1),
    )


@pytest.fixture
def no_work(monkeypatch):
    """Fails a test whose export gets as far as writing."""

    def write(*args, **kwargs):
        raise RuntimeError("the export began to write")

    monkeypatch.setattr("tfrecvis.export.bundle.versioned_directory", write)
