import json
import shutil

import numpy as np
import pytest
from PIL import Image


@pytest.mark.slow
def test_demo_scores_both_models_exports_and_draws(demonstrated):
    result = demonstrated.result
    assert "recurrent is finished" in demonstrated.output
    recurrent, twin = result["models"].values()
    assert abs(recurrent["parameters"] / twin["parameters"] - 1) < 0.1
    assert result["lead"] == recurrent["mean_iou"] - twin["mean_iou"]
    assert set(result["report"]["artefacts"]) == {
        "saved_model",
        "litert_float32",
        "litert_float16",
        "litert_int8",
        "onnx",
    }
    for name in ("comparison", "confusion_recurrent", "confusion_convolutional"):
        assert Image.open(demonstrated.path / f"{name}.png").size[0] > 300
    assert (
        json.loads((demonstrated.path / "demo.json").read_text())["lead"]
        == (result["lead"])
    )


@pytest.mark.slow
def test_demo_ends_with_a_table_of_scores_parity_and_pictures(demonstrated):
    from tfrecvis.tools.demo import summary

    text = summary(demonstrated.result)
    for word in ("recurrent ", "convolutional ", "points of mean IoU", "litert_int8"):
        assert word in text
    assert str(demonstrated.path / "comparison.png") in text


def test_demo_fails_when_recurrence_does_not_pay(command, tmp_path, monkeypatch):
    result = {"lead": 0.1, "models": {}, "report": {"artefacts": {}}, "pictures": []}
    monkeypatch.setattr(
        "tfrecvis.tools.demo.demo", lambda *arguments: {**result, "export": "there"}
    )
    done = command("demo", "--output", tmp_path)
    assert done.status == 1
    assert "10.0 points ahead of its twin, where at least 15 were" in done.errors


@pytest.fixture(scope="module")
def inputs(folder, tmp_path_factory):
    """An image of the size of the LiteRT files, and a wider one."""
    wide = tmp_path_factory.mktemp("images") / "wide.png"
    Image.open(folder / "val" / "0.png").resize((61, 48)).save(wide)
    return [folder / "val" / "0.png", wide]


@pytest.fixture(scope="module")
def from_keras(command, demonstrated, inputs, tmp_path_factory):
    output = tmp_path_factory.mktemp("keras")
    run = demonstrated.path / "recurrent"
    assert command("predict", run, *inputs, "--output", output).status == 0
    return output


@pytest.mark.slow
@pytest.mark.parametrize("artefact", ["", "model_float32.tflite", "model.onnx"])
def test_artefact_predicts_with_the_names_and_colours_of_the_model(
    command, demonstrated, inputs, from_keras, tmp_path, artefact
):
    exported = demonstrated.path / "export" / "1" / artefact
    assert command("predict", exported, *inputs, "--output", tmp_path).status == 0
    for name in ("0_labels.png", "0_overlay.png"):
        one, other = (
            np.asarray(Image.open(directory / name).convert("RGB"))
            for directory in (tmp_path, from_keras)
        )
        assert (one == other).mean() > 0.99
    assert Image.open(tmp_path / "wide_labels.png").size == (61, 48)


@pytest.mark.slow
def test_export_refuses_a_version_that_exists_before_any_work(command, demonstrated):
    run, output = demonstrated.path / "recurrent", demonstrated.path / "export"
    result = command("export", run, "--output", output)
    assert result.status == 2
    assert "an export never overwrites" in result.errors


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
    assert report["images"] == {"count": 2, "height": 48, "width": 48}
    assert "saved_model" in result.output


@pytest.mark.slow
def test_export_of_an_artefact_is_refused(command, demonstrated, tmp_path):
    exported = demonstrated.path / "export" / "1" / "model.onnx"
    result = command("export", exported, "--output", tmp_path)
    assert result.status == 2
    assert "a preset, a run's directory or a .keras file" in result.errors


def test_artefact_that_differs_fails_the_command(
    command, finished_run, tmp_path, monkeypatch
):
    from tfrecvis.export import ExportError

    def differ(*arguments, **options):
        raise ExportError("Artefacts do not compute\nwhat the model computes.")

    monkeypatch.setattr("tfrecvis.export.export_model", differ)
    result = command("export", finished_run, "--output", tmp_path / "exports")
    assert result.status == 1
    assert result.errors == (
        "tfrecvis: error: Artefacts do not compute what the model computes.\n"
    )


def test_run_without_a_model_yet_says_how_to_go_on(command, finished_run, tmp_path):
    shutil.copy(finished_run / "recipe.toml", tmp_path)
    result = command("export", tmp_path, "--output", tmp_path / "exports")
    assert result.status == 2
    assert "its first epoch is not done" in result.errors
