import json
import re
import shutil
import subprocess
import sys

import pytest


def test_export_refuses_a_version_that_exists_before_any_work(command, exported):
    result = command("export", "no_such_model", "--output", exported.parent)
    assert result.status == 2
    assert "an export never overwrites. Pass --version 2," in result.errors
    assert "version=" not in result.errors


@pytest.mark.slow
def test_export_writes_one_format_in_the_version_asked_for(
    command, finished_run, folder, tmp_path
):
    result = command(
        *("export", finished_run, "--output", tmp_path, "--version", 7),
        *("--formats", "saved_model", "--images", folder / "val"),
    )
    assert result.status == 0, result.errors
    assert (tmp_path / "7" / "saved_model.pb").is_file()
    assert not list((tmp_path / "7").glob("*.tflite"))
    report = json.loads((tmp_path / "7" / "report.json").read_text())
    assert report["examples"]["serving_default"] == {"images": [2, 48, 48, 3]}
    assert "exporting: writing the SavedModel" in result.output
    for name in ("serving_default", "serving_bytes"):
        assert re.search(rf"saved_model +{name} .* 1\.0000", result.output)


def test_card_travels_inside_with_the_scale_and_what_is_ignored(exported):
    card = json.loads((exported / "assets" / "model.json").read_text())
    assert card["image_size"] == [48, 48]
    assert card["recipe"]["task"] == "segmentation"
    assert card["recipe"]["data"]["ignore"] == [7]


def test_export_of_an_artefact_is_refused(command, exported, tmp_path):
    result = command("export", exported, "--output", tmp_path)
    assert result.status == 2
    assert "a preset, a run's directory or a .keras file" in result.errors


def test_default_formats_are_those_that_can_be_written_and_the_others_are_named(
    command, finished_run, tmp_path, monkeypatch
):
    from tfrecvis.export.formats import available

    missing = {"onnx": ["tf2onnx"], "litert": ["ai-edge-litert"], "saved_model": []}
    asked = {}

    def remember(*arguments, **options):
        asked.update(options)
        return {"artefacts": {}}

    monkeypatch.setattr(available, "missing_libraries", missing.get)
    monkeypatch.setattr("tfrecvis.export.export_model", remember)
    arguments = ["export", finished_run, "--output", tmp_path / "out"]
    result = command(*arguments)
    assert result.status == 0, result.errors
    assert asked["formats"] is None
    assert available.formats() == ("saved_model",)
    for name, library in (("onnx", "tf2onnx"), ("litert", "ai-edge-litert")):
        assert (
            f"{name} is left out: {library} is not installed. Install it: pip install "
            f"'tfrecvis[{name}]'"
        ) in result.output
    assert "saved_model is left out" not in result.output


def test_format_that_was_asked_for_names_its_extra(
    command, finished_run, tmp_path, monkeypatch
):
    from tfrecvis.export.formats import available

    monkeypatch.setattr(available, "missing_libraries", lambda name: ["onnxruntime"])
    arguments = ["--output", tmp_path / "out", "--formats", "onnx"]
    result = command("export", finished_run, *arguments)
    assert result.status == 2
    assert "pip install 'tfrecvis[onnx]'" in result.errors
    assert not (tmp_path / "out").exists()


def test_artefact_that_differs_fails_the_command(
    command, finished_run, tmp_path, monkeypatch
):
    from tfrecvis.export import ExportError

    def differ(*arguments, **options):
        problem = "its largest difference\nis 0.3"
        measured = {"serving_default": {"problem": problem}}
        report = {"artefacts": {"litert_int8": {"signatures": measured}}}
        raise ExportError("Pass a wider one in `tolerances`.", report=report)

    monkeypatch.setattr("tfrecvis.export.export_model", differ)
    result = command("export", finished_run, "--output", tmp_path / "exports")
    assert result.status == 1
    assert result.errors == (
        "tfrecvis: error: Artefacts do not compute what the model computes, so nothing "
        "was written. litert_int8, serving_default: its largest difference is 0.3. "
        "Pass --formats to leave them out.\n"
    )


def test_run_without_a_model_yet_says_how_to_go_on(command, finished_run, tmp_path):
    shutil.copy(finished_run / "recipe.toml", tmp_path)
    result = command("export", tmp_path, "--output", tmp_path / "exports")
    assert result.status == 2
    assert "its first epoch is not done" in result.errors
    assert f"tfrecvis train --resume {tmp_path}" in result.errors


@pytest.mark.slow
@pytest.mark.parametrize("place", ["write_saved_model", "write_report"])
def test_full_disk_is_one_line_and_leaves_nothing(
    command, finished_run, tmp_path, full_disk, monkeypatch, place
):
    full_disk("tfrecvis.export.export_model", place)
    monkeypatch.setattr("tfrecvis.export.parity.run_artefacts", lambda *_: {})
    arguments = ["--output", tmp_path / "out", "--formats", "saved_model"]
    result = command("export", finished_run, *arguments)
    assert result.status == 1
    assert re.fullmatch(
        r"tfrecvis: error: .*No space left on device\.\n", result.errors
    )
    assert not (tmp_path / "out").exists()


def test_full_disk_of_tensorflow_is_told_without_its_internals(
    command, finished_run, tmp_path, monkeypatch
):
    import tensorflow as tf

    def fail(*arguments, **options):
        message = "out/.1-partial-x/bundle/saved_model.pb.tmp1; No space left on device"
        raise tf.errors.ResourceExhaustedError(None, None, f"{message}\n[[node]]")

    monkeypatch.setattr("tfrecvis.export.export_model", fail)
    result = command("export", finished_run, "--output", tmp_path / "out")
    assert result.status == 1
    assert result.errors == (
        f"tfrecvis: error: {tmp_path / 'out'}: No space left on device.\n"
    )


@pytest.mark.slow
def test_output_that_cannot_be_made_is_one_line(command, finished_run):
    # No user may make a folder in /proc, not even root.
    arguments = ["--output", "/proc/there/out", "--formats", "saved_model"]
    result = command("export", finished_run, *arguments)
    assert result.status in (1, 2)
    assert re.fullmatch(r"tfrecvis: error: .*/proc/there.*\n", result.errors)


JAX = """
import contextlib, io, json, sys
from tfrecvis.tools.main import main

def run(*arguments):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        status = main([*arguments])
    return status, errors.getvalue()

run_, image, data, output = sys.argv[1:]
results = [
    run("export", run_, "--output", output + "/export"),
    ("keras.src.models" in sys.modules and "tensorflow" in sys.modules, ""),
    run("predict", run_, image, "--output", output + "/predict"),
    run("evaluate", run_, "--data", data, "--output", output + "/evaluate"),
]
import keras
print(json.dumps([keras.backend.backend(), *results]))
"""


@pytest.mark.slow
def test_under_jax_predict_and_evaluate_run_and_export_refuses_at_once(
    finished_run, folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    image = folder / "val" / "0.png"
    arguments = [finished_run, image, folder, tmp_path]
    done = subprocess.run(
        [sys.executable, "-c", JAX, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    backend, export, heavy, predict, evaluate = json.loads(done.stdout.splitlines()[-1])
    assert backend == "jax"
    assert export[0] == 2
    assert "Set KERAS_BACKEND=tensorflow" in export[1]
    assert not heavy[0], "the refusal waited for TensorFlow"
    assert predict == [0, ""]
    assert evaluate == [0, ""]
    assert (tmp_path / "predict" / "0_labels.png").is_file()
    scores = json.loads((tmp_path / "evaluate" / "evaluation.json").read_text())
    reached = json.loads((finished_run / "score.json").read_text())
    assert scores["mean_iou"] == pytest.approx(reached["mean_iou"], abs=1e-3)
