"""Models by any name: presets, runs, files, broken files; and in Python."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.loading import load, portable


@pytest.mark.parametrize("name", ["run", "file", "folder"])
def test_a_run_its_model_and_a_folder_with_both_files_are_one_model(
    finished_run, tmp_path, name
):
    path = finished_run
    if name == "file":
        path = finished_run / "model.keras"
    elif name == "folder":
        path = tmp_path
        for file in ("model.keras", "model.json"):
            shutil.copy(finished_run / file, path)
    loaded = load(str(path))
    assert type(loaded.task).__name__ == "Segmentation"
    assert loaded.predictor.kind == "keras"
    assert loaded.predictor.card["class_names"][1] == "water"
    assert [signature.name for signature in loaded.signatures] == ["serving_default"]


def test_a_preset_is_a_model_by_its_name():
    loaded = load("camvid_reseg")
    assert loaded.task.card["image_size"] == [180, 240]
    images = np.zeros((1, 20, 30, 3), "uint8")
    assert loaded.predictor.predict({"images": images})["labels"].shape == (1, 20, 30)


PYTHON = """
import sys
import tfrecvis
import keras, numpy as np
run, = sys.argv[1:]
images = np.zeros((1, 20, 30, 3), "uint8")
model = keras.models.load_model(run + "/model.keras")
preset = tfrecvis.models.load_preset("camvid_reseg")
same = tfrecvis.models.load_preset(run)
print(*(m(images).shape for m in (model, same, preset)))
"""


@pytest.mark.slow
def test_run_and_preset_are_loaded_in_python_after_one_import(finished_run):
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", PYTHON, str(finished_run)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("(1, ")[1:] == [
        "20, 30, 7) ",
        "20, 30, 7) ",
        "20, 30, 11)\n",
    ]


def broken(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["model.keras", "model.tflite", "model.onnx"])
@pytest.mark.parametrize("content", [b"", b"no model at all" * 99])
def test_broken_file_is_one_short_line(command, tmp_path, name, content):
    path = broken(tmp_path, name, content)
    (tmp_path / "model.json").write_text('{"recipe": {"task": "sequences"}}')
    (tmp_path / "in.txt").write_text("1+2")
    arguments = [tmp_path / "in.txt", "--output", tmp_path / "out"]
    result = command("predict", path, *arguments)
    assert result.status == 2
    assert re.fullmatch(r"tfrecvis: error: .*\n", result.errors)
    assert str(path) in result.errors
    assert len(result.errors) < 400
    for word in ("Traceback", "tensorflow/", ".cc", "{{", "strict="):
        assert word not in result.errors


def test_broken_saved_model_is_one_short_line(command, tmp_path):
    path = broken(tmp_path, "exported/saved_model.pb", b"no model")
    (tmp_path / "in.txt").write_text("1+2")
    arguments = [tmp_path / "in.txt", "--output", tmp_path / "out"]
    result = command("predict", path.parent, *arguments)
    assert result.status == 2
    assert re.fullmatch(r"tfrecvis: error: .*exported.*\n", result.errors)
    assert len(result.errors) < 400


def test_truncated_model_of_a_run_is_one_short_line(command, finished_run, tmp_path):
    whole = (finished_run / "model.keras").read_bytes()
    path = broken(tmp_path, "model.keras", whole[: len(whole) // 2])
    shutil.copy(finished_run / "model.json", tmp_path)
    result = command("evaluate", path, "--output", tmp_path / "out")
    assert result.status == 2
    assert re.fullmatch(r"tfrecvis: error: .*model\.keras cannot.*\n", result.errors)


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (None, "There is no card beside .*model.json"),
        ("{", "model.json is not valid JSON"),
        ("{}", "does not say what it was trained for"),
        ('{"recipe": {"task": "poetry", "training": {}}}', "no task 'poetry'"),
        (
            '{"recipe": {"task": "superpixels", "training": {}}}',
            "The model does not fit its card",
        ),
    ],
)
def test_model_without_a_card_that_fits_is_refused(
    finished_run, tmp_path, card, message
):
    shutil.copy(finished_run / "model.keras", tmp_path)
    if card is not None:
        (tmp_path / "model.json").write_text(card)
    with pytest.raises(UserError, match=message):
        load(str(tmp_path / "model.keras"))


def test_portable_card_names_no_folder_of_the_machine():
    card = {"recipe": {"data": {"path": "home", "data_dir": "d", "reader": "npz"}}}
    kept = json.dumps(card)
    assert portable(card) == {"recipe": {"data": {"reader": "npz"}}}
    assert json.dumps(card) == kept
