"""One tiny recurrent model of two signatures, and one export of it for all tests."""

import functools
import sys
import types

import keras
import numpy as np
import pytest

from tfrecvis import export, models
from tfrecvis.models import Signature, Spec, segmentation

CARD = {
    "name": "tiny",
    "description": "Three classes, für Tests",
    "class_names": ["sky", "road", "tree"],
    "colours": [[0, 0, 255], [128, 64, 128], [0, 128, 0]],
    "recipe": {"task": "segmentation", "training": {"epochs": 2}},
}


def make_segmenter(softmax=False, input_shape=(None, None, 3), dtype="float32"):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        keras.utils.set_random_seed(7)
        model = models.ReSeg(
            len(CARD["class_names"]),
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


def encode(model, images):
    return {"features": model(keras.ops.cast(images, "float32"), training=False)}


def signatures_of(model):
    """What a segmenter answers, and its map of features, as two signatures."""
    encoder = keras.Model(model.input, model.get_layer("context1_add").output)
    (labels,) = segmentation.signatures(model)
    features = Spec(("batch", "rows", "columns", 16), "float32")
    images = labels.inputs["images"]
    return [
        labels,
        Signature(
            "encode", encoder, encode, {"images": images}, {"features": features}
        ),
    ]


@pytest.fixture(scope="session")
def segmenter():
    return make_segmenter()


@pytest.fixture(scope="session")
def signatures(segmenter):
    return signatures_of(segmenter)


@pytest.fixture(scope="session")
def plain():
    """The signatures of a convolution: for what does not depend on the model."""
    keras.utils.set_random_seed(7)
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    return segmentation.signatures(keras.Model(inputs, outputs, name="plain"))


@pytest.fixture(scope="session")
def build_segmenter():
    return make_segmenter


@pytest.fixture(scope="session")
def make_signatures():
    return signatures_of


@pytest.fixture(scope="session")
def images():
    # No multiple of the model's stride of 4: padding and cropping are exported too.
    return np.random.default_rng(1).integers(0, 256, (5, 18, 26, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def exported(signatures, segmenter, images, exports_here, tmp_path_factory):
    """What one call of `export_model` with every format wrote and returned."""
    directory = tmp_path_factory.mktemp("exports") / "tiny"
    with exports_here():
        report = export.export_model(
            signatures,
            directory,
            {"serving_default": {"images": images}, "encode": {"images": images[:3]}},
            version=3,
            card=CARD,
        )
    probabilities = keras.ops.convert_to_numpy(
        keras.ops.softmax(segmenter(images.astype("float32")))
    )
    return types.SimpleNamespace(
        directory=directory,
        path=directory / "3",
        report=report,
        card=CARD,
        probabilities=probabilities,
        labels=probabilities.argmax(-1),
        features=signatures[1](images=images)["features"].numpy(),
    )


@pytest.fixture
def jobs_here(exports_here):
    """No child processes for the exports of this test; `exported` has its own."""
    with exports_here():
        yield


@pytest.fixture
def patch(monkeypatch):
    """Replaces a name in the module of `export_model`, which the function hides."""
    module = sys.modules["tfrecvis.export.export_model"]
    return functools.partial(monkeypatch.setattr, module)


@pytest.fixture
def no_work(patch):
    """Fails a test whose export gets as far as writing."""

    def write(*args, **kwargs):
        raise RuntimeError("the export began to write")

    patch("version_directory", write)
