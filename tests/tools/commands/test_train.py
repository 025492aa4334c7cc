import csv
import json
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfrecvis.tools.runs.recipe import read_recipe


def weights(directory):
    import keras

    return keras.models.load_model(directory / "model.keras").get_weights()


def rows(directory):
    with open(directory / "metrics.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def test_run_leaves_model_card_recipe_curves_and_score(finished_run, recipe):
    card = json.loads((finished_run / "model.json").read_text())
    assert card["model"] == "ReSeg"
    assert card["class_names"][1] == "water"
    assert len(card["colours"]) == 7
    assert card["image_size"] == [48, 48]
    assert read_recipe(finished_run / "recipe.toml") == read_recipe(recipe)
    assert card["recipe"] == read_recipe(recipe)
    for name in ("curves", "samples"):
        assert Image.open(finished_run / f"{name}.png").size[0] > 300
    assert list((finished_run / "logs").rglob("events*"))
    assert [row["epoch"] for row in rows(finished_run)] == list("12345")
    score = json.loads((finished_run / "score.json").read_text())
    best = max(float(row["val_mean_iou"]) for row in rows(finished_run))
    assert score["mean_iou"] == pytest.approx(best, rel=1e-5)


def test_model_holds_no_optimizer_and_takes_uint8_images_of_any_size(finished_run):
    import keras

    model = keras.models.load_model(finished_run / "model.keras")
    assert getattr(model, "optimizer", None) is None
    assert model(np.zeros((1, 37, 50, 3), "uint8")).shape == (1, 37, 50, 7)


# `tfrecvis`, killed as `kill -9` does it as soon as its first checkpoint is there.
KILLED = """
import os, signal, sys
from tfrecvis.tools.runs import callbacks
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
        ("training.class_weight=median", "Did you mean `class_weights`"),
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


def test_folder_without_a_path_asks_for_data(command, tmp_path):
    result = command("train", "camvid_reseg", "--output", tmp_path / "run")
    assert result.status == 2
    assert "data.path is not set: add --data PATH" in result.errors


def test_broken_files_are_named_and_counted_and_strict_makes_them_an_error(
    command, folder, tmp_path
):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    (data / "train" / "broken.jpg").write_bytes(b"no image")
    (data / "trainannot" / "broken.png").write_bytes(b"no image")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'task = "segmentation"\n[model]\nunits = 2\nnum_layers = 0\n'
        "backbone_filters = [4]\n"
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
    assert "train: 1 problems, 4 samples used" in result.errors
    assert "broken.jpg: the image cannot be decoded" in result.errors
    assert "strict=" not in strict.errors + result.errors


def copied(run, path, *left_out):
    shutil.copytree(run, path, ignore=shutil.ignore_patterns("logs", *left_out))
    return path


@pytest.mark.slow
def test_finished_run_is_extended_by_its_directory_and_epochs_only(
    command, finished_run, tmp_path
):
    run = copied(finished_run, tmp_path / "run")
    result = command("train", "--resume", run, "--epochs", 6)
    assert result.status == 0, result.errors
    assert "Going on after epoch 5 of 6" in result.output
    assert [row["epoch"] for row in rows(run)] == list("123456")
    assert rows(run)[:5] == rows(finished_run)
    assert json.loads((run / "score.json").read_text())["epochs"] == 6
    assert read_recipe(run / "recipe.toml")["training"]["epochs"] == 6
    card = json.loads((run / "model.json").read_text())
    assert card["recipe"]["training"]["epochs"] == 6
    again = command("train", "--resume", run)
    assert again.status == 0
    assert "is finished" in again.output


@pytest.mark.parametrize("epochs", [5, 3])
def test_resuming_for_no_more_epochs_than_were_done_is_refused(
    command, finished_run, epochs
):
    result = command("train", "--resume", finished_run, "--epochs", epochs)
    assert result.status == 2
    assert "was trained for 5 epochs already" in result.errors
    assert f"Received: --epochs {epochs}. Give more than 5" in result.errors


def test_resume_reads_all_that_the_run_was_asked_for(command, finished_run, tmp_path):
    run = copied(finished_run, tmp_path / "run")
    result = command("train", "--resume", run, "--set", "training.seed=3")
    assert result.status == 2
    assert "training.seed (was 0, now 3)" in result.errors
    both = command("train", "tiny", "--output", "there", "--resume", run)
    assert both.status == 2
    assert "leave out RECIPE and --output" in both.errors
    nothing = command("train", "--resume", tmp_path / "none")
    assert nothing.status == 2
    assert "There is no run at" in nothing.errors
    assert "train takes RECIPE and --output RUN" in command("train").errors


@pytest.mark.slow
def test_trial_can_be_shortened_and_starts_from_a_model_of_other_classes(
    command, folder_with_void, finished_run, tmp_path
):
    names = ["grass", "water", "object"]
    recipe = read_recipe(finished_run / "recipe.toml")
    model = "\n".join(f"{k} = {json.dumps(v)}" for k, v in recipe["model"].items())
    (tmp_path / "three.toml").write_text(
        f'task = "segmentation"\n[model]\n{model}\n[data]\nreader = "folder"\n'
        f"class_names = {json.dumps(names)}\nignore = [3, 4, 5, 6, 7]\n"
        "[training]\njit_compile = false\n"
    )
    run = tmp_path / "run"
    result = command(
        *("train", tmp_path / "three.toml", "--data", folder_with_void),
        *("--output", run, "--epochs", 2, "--batch-size", 1),
        *("--set", "training.steps=1", "--set", "data.train_count=2"),
        *("--set", "data.val_count=1", "--from", finished_run),
    )
    assert result.status == 0, result.errors
    assert re.search(r"\d+ of \d+ weights taken from .*; new: ", result.output)
    new = result.output.partition("; new: ")[2].partition("\n")[0]
    assert new == "classes", "what depends on the number of classes"
    assert "2 images to train on, 1 to validate on" in result.output
    assert "1/1" in result.output
    training = read_recipe(run / "recipe.toml")["training"]
    assert (training["epochs"], training["batch_size"], training["steps"]) == (2, 1, 1)
    assert training["from"] == str(finished_run)
    card = json.loads((run / "model.json").read_text())
    assert card["class_names"] == names
    assert "class_names" not in card["recipe"]["data"], "it stands in the card once"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no_such_model", "There is no model `no_such_model`"),
        ("camvid_reseg", "None of the weights of camvid_reseg fits this model"),
    ],
)
def test_weights_that_do_not_fit_stop_before_the_training(
    command, recipe, tmp_path, source, message
):
    arguments = ["train", recipe, "--from", source, "--set", 'model.cell="lstm"']
    settings = ["--set", "model.units=5", "--set", "model.backbone_filters=[5, 5]"]
    settings += ["--set", "model.decoder_filters=[5]"]
    result = command(*arguments, *settings, "--output", tmp_path / "run")
    assert result.status == 2
    assert message in result.errors


@pytest.mark.slow
def test_full_disk_is_one_line_and_leaves_no_part_of_a_file(
    command, finished_run, tmp_path, full_disk
):
    run = copied(finished_run, tmp_path / "run")
    before = (run / "checkpoint.npz").read_bytes()
    full_disk("numpy", "savez")
    result = command("train", "--resume", run, "--epochs", 6)
    assert result.status == 1
    assert re.fullmatch(
        r"tfrecvis: error: .*checkpoint\.npz: No space left on device\.\n",
        result.errors,
    )
    assert not list(run.rglob("*partial*"))
    assert (run / "checkpoint.npz").read_bytes() == before


def test_broken_checkpoint_is_one_line(command, finished_run, tmp_path):
    run = copied(finished_run, tmp_path / "run", "score.json")
    (run / "checkpoint.npz").write_bytes(b"PK broken")
    result = command("train", "--resume", run)
    assert result.status == 2
    assert "checkpoint.npz cannot be read" in result.errors
    assert result.errors.count("\n") == 1
