"""One tiny recurrent segmentation model, and one export of it for all tests."""

import types

import keras
import numpy as np
import pytest

from tfrecvis import export, models

CLASSES = ["sky", "road", "tree"]


def make_segmenter(softmax=False, input_shape=(None, None, 3), dtype="float32"):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        keras.utils.set_random_seed(7)
        model = models.ReSeg(
            len(CLASSES),
            units=4,
            num_layers=1,
            backbone_filters=(8, 16),  # 3x3x8x16 weights: rounded in int8, as over 1024
            backbone_blocks=(0, 0),
            decoder_filters=(8,),
            input_shape=input_shape,
            name="tiny",
        )
        kernel, bias = model.get_layer("classes").get_weights()
        model.get_layer("classes").set_weights([5 * kernel, bias])  # clear opinions
        if softmax:
            outputs = keras.layers.Softmax()(model.output)
            model = keras.Model(model.input, outputs, name="tiny")
    finally:
        keras.config.set_dtype_policy(before)
    return model


@pytest.fixture(scope="session")
def segmenter():
    return make_segmenter()


@pytest.fixture(scope="session")
def plain_model():
    """A convolution: for what does not depend on the model."""
    keras.utils.set_random_seed(7)
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(len(CLASSES), 3, padding="same")(inputs)
    return keras.Model(inputs, outputs, name="plain")


@pytest.fixture(scope="session")
def build_segmenter():
    return make_segmenter


@pytest.fixture(scope="session")
def images():
    # No multiple of the model's stride of 4: padding and cropping are exported too.
    return np.random.default_rng(1).integers(0, 256, (5, 18, 26, 3), dtype=np.uint8)


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
