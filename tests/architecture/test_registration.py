"""`import tfrecvis` is enough for Keras to load what was saved, in every order."""

import ast
import importlib
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from architecture import project

from tfrecvis import layers, losses, metrics
from tfrecvis.registration import REGISTERING


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A compiled model of layers, a loss and a metric of the package."""
    images = keras.Input((4, 6, 3))
    logits = layers.ReNet(2, name="context")(layers.ScaleImages()(images))
    model = keras.Model(images, logits)
    model.compile(
        "sgd", losses.SegmentationCrossEntropy(), metrics=[metrics.MeanIoU(4)]
    )
    model.train_on_batch(np.zeros((1, 4, 6, 3)), np.zeros((1, 4, 6)))
    path = tmp_path_factory.mktemp("run") / "model.keras"
    model.save(path)
    return path


def run(program, backend="tensorflow"):
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )


LOAD = """
model = keras.models.load_model({path!r})
print(type(model.loss).__module__, type(model.get_layer("context")).__module__)
"""
FOUND = ["tfrecvis.losses.segmentation_cross_entropy", "tfrecvis.layers.renet"]


@pytest.mark.parametrize(
    ("imports", "backend"),
    [
        pytest.param(
            *("import tfrecvis; import keras", "tensorflow"), marks=pytest.mark.slow
        ),
        pytest.param(
            *("from tfrecvis.ops import lstm; import keras", "jax"),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "import tensorflow; import tfrecvis; keras = tensorflow.keras",
            "tensorflow",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_saved_model_loads_after_the_import(imports, backend, model_file):
    done = run(imports + LOAD.format(path=str(model_file)), backend)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == FOUND


def test_without_the_import_the_error_names_the_package(model_file):
    path = str(model_file)
    done = run(
        "import keras\n"
        f"try: keras.models.load_model({path!r})\n"
        "except TypeError as error: print(error)\n"
        f"import tfrecvis{LOAD.format(path=path)}",
        backend="jax",
    )
    assert done.returncode == 0, done.stderr
    assert "make sure they are all imported" in done.stdout
    assert "'module': 'tfrecvis.layers" in done.stdout
    assert "'registered_name': 'tfrecvis>ScaleImages'" in done.stdout
    assert done.stdout.split()[-2:] == FOUND


@pytest.mark.parametrize("room", REGISTERING)
def test_every_public_class_is_registered_under_its_name(room):
    room = importlib.import_module(room)
    classes = [getattr(room, name) for name in room.__all__ if name[0].isupper()]
    assert [keras.saving.get_registered_name(c) for c in classes] == [
        f"tfrecvis>{c.__name__}" for c in classes
    ]


def registers(source):
    """Whether a module's source names Keras' decorator."""
    nodes = ast.walk(ast.parse(source))
    return any("register_keras" in getattr(node, "attr", "") for node in nodes)


def test_classes_are_registered_nowhere_else():
    """The hook imports `REGISTERING`, so what is registered elsewhere is not found."""
    wrong = [
        module
        for module, file in project.modules().items()
        if not module.startswith(REGISTERING)
        and registers(file.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def test_a_registration_would_be_seen():
    assert registers("@keras.saving.register_keras_serializable()\nclass A: pass")
