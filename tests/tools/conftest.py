"""A tiny recipe, folder of data, run and export, which the tests share."""

import contextlib
import errno
import importlib
import io
import json
import os
import shutil
import types

import numpy as np
import pytest

from tfrecvis.tools.main import main

RECIPE = """\
task = "segmentation"

[model]
units = 4
num_layers = 1
dropout = 0.2
backbone_filters = [6, 8]
backbone_blocks = [0, 0]
decoder_filters = [6]

[data]
reader = "synthetic"
size = [48, 48]
train_count = 6
val_count = 2

[augmentation]
flip = true
brightness = 0.1

[training]
epochs = 5
batch_size = 2
learning_rate = 1e-2
backbone_learning_rate = 0.5
warmup = 0.5
weight_decay = 1e-3
clipnorm = 1.0
ema_momentum = 0.5
jit_compile = false
"""


def run_command(*arguments):
    """Runs `tfrecvis` in this process: exit status, standard output, errors."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            status = stop.code
    return types.SimpleNamespace(
        status=status, output=output.getvalue(), errors=errors.getvalue()
    )


@pytest.fixture(scope="session")
def command(exports_here):
    def run(*arguments):
        with exports_here():
            return run_command(*arguments)

    return run


@pytest.fixture(scope="session")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="session")
def finished_run(command, recipe, tmp_path_factory):
    """The directory of a run of the tiny recipe, which no test changes."""
    directory = tmp_path_factory.mktemp("runs") / "tiny"
    result = command("train", recipe, "--output", directory)
    assert result.status == 0, result.errors
    return directory


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Four images with label maps of the synthetic set's seven classes."""
    from PIL import Image

    from tfrecvis.data import SyntheticScenes

    root = tmp_path_factory.mktemp("data")
    for split, count in (("train", 4), ("val", 2)):
        reader = SyntheticScenes(split, count=count, size=(48, 48))
        (root / split).mkdir()
        (root / f"{split}annot").mkdir()
        for number, sample in enumerate(reader.samples().as_numpy_iterator()):
            image = Image.fromarray(sample["image"])
            image.save(root / split / f"{number}.png")
            labels = Image.fromarray(sample["labels"].astype(np.uint8))
            labels.save(root / f"{split}annot" / f"{number}.png")
    (root / "classes.txt").write_text("\n".join(reader.class_names))
    return root


@pytest.fixture(scope="session")
def folder_with_void(folder, tmp_path_factory):
    """The same with the label 7 for void in the first five rows, and no classes.txt."""
    from PIL import Image

    root = tmp_path_factory.mktemp("void") / "data"
    shutil.copytree(folder, root)
    (root / "classes.txt").unlink()
    for file in root.glob("*annot/*.png"):
        labels = np.array(Image.open(file))
        labels[:5] = 7
        Image.fromarray(labels).save(file)
    return root


@pytest.fixture(scope="session")
def run_with_void(finished_run, folder_with_void, tmp_path_factory):
    """The tiny run as if it had been trained on a folder whose label 7 is void."""
    run = tmp_path_factory.mktemp("runs") / "void"
    shutil.copytree(finished_run, run)
    card = json.loads((run / "model.json").read_text())
    card["recipe"]["data"] = {
        "reader": "folder",
        "path": str(folder_with_void),
        "ignore": [7],
    }
    (run / "model.json").write_text(json.dumps(card))
    return run


def export_run(command, run, directory, formats):
    """Exports a run into an empty directory; returns that of the version."""
    result = command("export", run, "--output", directory, "--formats", *formats)
    assert result.status == 0, result.errors
    return directory / "1"


@pytest.fixture(scope="session")
def exported(command, run_with_void, tmp_path_factory):
    """The directory of an export of this run as a SavedModel."""
    directory = tmp_path_factory.mktemp("exported") / "tiny"
    return export_run(command, run_with_void, directory, ["saved_model"])


@pytest.fixture(scope="session")
def exported_files(command, run_with_void, tmp_path_factory):
    """The same in LiteRT and ONNX, for slow tests; `new_task` has fast ones."""
    directory = tmp_path_factory.mktemp("exported_files") / "tiny"
    return export_run(command, run_with_void, directory, ["litert", "onnx"])


@pytest.fixture
def full_disk(monkeypatch):
    """A function that lets a function of a module find the disk full."""

    def fill(module, name):
        def fail(*arguments, **options):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(importlib.import_module(module), name, fail)

    return fill
