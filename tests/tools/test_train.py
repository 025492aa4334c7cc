import csv
import json
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from tfrecvis.tools.recipe import read_recipe


def weights(directory):
    import keras

    import tfrecvis.models  # noqa: F401

    return keras.models.load_model(directory / "model.keras").get_weights()


def rows(directory):
    with open(directory / "metrics.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def test_run_leaves_model_sidecar_recipe_curves_and_score(finished_run, recipe):
    sidecar = json.loads((finished_run / "model.json").read_text())
    assert sidecar["class_names"][1] == "water"
    assert len(sidecar["colours"]) == 7
    assert sidecar["image_size"] == [48, 48]
    assert read_recipe(finished_run / "recipe.toml") == read_recipe(recipe)
    assert sidecar["recipe"] == read_recipe(recipe)
    assert list((finished_run / "logs").glob("events*"))
    assert [row["epoch"] for row in rows(finished_run)] == list("12345")
    score = json.loads((finished_run / "score.json").read_text())
    best = max(float(row["val_mean_iou"]) for row in rows(finished_run))
    assert score["mean_iou"] == pytest.approx(best, rel=1e-5)


def test_model_holds_no_optimizer_and_takes_uint8_images_of_any_size(finished_run):
    import keras

    import tfrecvis.models  # noqa: F401

    model = keras.models.load_model(finished_run / "model.keras")
    assert getattr(model, "optimizer", None) is None
    assert model(np.zeros((1, 37, 50, 3), "uint8")).shape == (1, 37, 50, 7)


# `tfrecvis`, killed as `kill -9` does it as soon as its first checkpoint is there.
KILLED = """
import os, signal, sys
from tfrecvis.tools import callbacks
from tfrecvis.tools.main import main

def write_and_die(*arguments):
    write(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

write, callbacks.write_checkpoint = callbacks.write_checkpoint, write_and_die
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_run_killed_after_its_first_checkpoint_ends_with_the_same_weights(
    command, finished_run, recipe, tmp_path
):
    directory = tmp_path / "killed"
    arguments = ["train", recipe, "--output", directory]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (directory / "checkpoint.npz").exists()

    result = command(*arguments)
    assert result.status == 0, result.errors
    assert "Going on after epoch" in result.output
    for resumed, uninterrupted in zip(
        weights(directory), weights(finished_run), strict=True
    ):
        # One thread may sum in another order than the next: the last bits.
        np.testing.assert_allclose(resumed, uninterrupted, rtol=1e-4, atol=1e-5)
    curves = [
        [(row["epoch"], round(float(row["val_loss"]), 4)) for row in rows(run)]
        for run in (directory, finished_run)
    ]
    assert curves[0] == curves[1]


def test_finished_run_is_not_trained_again(command, finished_run, recipe):
    before = (finished_run / "model.keras").stat().st_mtime_ns
    result = command("train", recipe, "--output", finished_run)
    assert result.status == 0
    assert "is finished" in result.output
    assert (finished_run / "model.keras").stat().st_mtime_ns == before


def test_other_recipe_is_refused_with_the_key_that_differs(
    command, finished_run, recipe
):
    result = command(
        "train", recipe, "--output", finished_run, "--set", "training.batch_size=3"
    )
    assert result.status == 2
    assert "training.batch_size (was 2, now 3)" in result.errors


def test_directory_with_other_things_is_refused(command, recipe, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    result = command("train", recipe, "--output", tmp_path)
    assert result.status == 2
    assert "is not empty and holds no run" in result.errors


def test_nan_stops_with_step_and_learning_rate_and_keeps_the_checkpoint(
    command, recipe, tmp_path, monkeypatch
):
    import keras

    from tfrecvis.losses import SegmentationCrossEntropy

    class Breaking(SegmentationCrossEntropy):
        """NaN from the fifth batch of training on: the second of the second epoch."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.steps = keras.Variable(0, trainable=False, dtype="int32")

        def call(self, y_true, y_pred):
            loss = super().call(y_true, y_pred)
            # Validation calls it once an epoch as well.
            self.steps.assign_add(1)
            return keras.ops.where(self.steps > 5, float("nan"), loss)

    monkeypatch.setattr("tfrecvis.losses.SegmentationCrossEntropy", Breaking)
    directory = tmp_path / "run"
    result = command(
        "train", recipe, "--output", directory, "--set", "model.num_layers=0"
    )
    assert result.status == 1
    assert "the loss is nan at step 5 (epoch 2), with the learning rate 0.00" in (
        result.errors
    )
    assert "Traceback" not in result.errors
    with np.load(directory / "checkpoint.npz") as checkpoint:
        assert json.loads(str(checkpoint["progress"]))["epoch"] == 1
        assert all(
            np.isfinite(checkpoint[name]).all()
            for name in checkpoint.files
            if name != "progress"
        )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.unit=3", "`unit` in .model.. Did you mean `units`"),
        ("model.num_classes=3", "Unknown key `num_classes` in .model."),
        ("model.cell=lstmm", "`cell`"),
        ("data.reader=folders", "Did you mean `folder`"),
        ("data.sise=3", "Did you mean `size`"),
        ("augmentation.flipp=true", "Did you mean `flip`"),
        ("augmentation.scale=[2, 1]", r".augmentation. is wrong: `scale`"),
    ],
)
def test_wrong_key_stops_before_the_training(
    command, recipe, tmp_path, setting, message
):
    directory = tmp_path / "run"
    result = command("train", recipe, "--output", directory, "--set", setting)
    assert result.status == 2
    assert re.search(message, result.errors)
    assert not directory.exists()


def test_folder_without_a_path_asks_for_data(command, recipe, tmp_path):
    result = command(
        "train", recipe, "--output", tmp_path / "run", "--set", "data.reader=folder"
    )
    assert result.status == 2
    assert "tfrecvis: error" in result.errors


def test_broken_files_are_named_and_counted_and_strict_makes_them_an_error(
    command, folder, tmp_path
):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    (data / "train" / "broken.jpg").write_bytes(b"no image")
    (data / "trainannot" / "broken.png").write_bytes(b"no image")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        "[model]\nunits = 2\nnum_layers = 0\nbackbone_filters = [4]\n"
        "backbone_blocks = [0]\ndecoder_filters = []\n"
        '[data]\nreader = "folder"\n'
        "[training]\nepochs = 1\nbatch_size = 8\njit_compile = false\n"
        'class_weights = "median"\n'
    )
    arguments = ["train", recipe, "--data", data, "--output", tmp_path / "run"]
    strict = command(*arguments, "--strict")
    assert strict.status == 2
    assert "broken.jpg" in strict.errors
    result = command(*arguments)
    assert result.status == 0, result.errors
    assert "train: 1 left out, 4 used" in result.errors
    assert "broken.jpg: the image cannot be decoded" in result.errors
