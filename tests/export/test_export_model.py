"""One call writes one version, with a report on every artefact."""

import json

import numpy as np
import pytest

from tfrecvis.export import TOLERANCES, ExportError, export_model

ARTEFACTS = ["saved_model", "litert_float32", "litert_float16", "litert_int8", "onnx"]


def test_one_call_writes_one_version(exported):
    assert {path.name for path in exported.path.iterdir()} >= {
        "saved_model.pb",
        "variables",
        "model_float32.tflite",
        "model_float16.tflite",
        "model_int8.tflite",
        "model.onnx",
        "report.json",
        "report.md",
    }


def test_nothing_but_the_version_stays_in_its_directory(exported):
    assert [path.name for path in exported.directory.iterdir()] == ["3"]


def test_the_report_is_what_report_json_holds(exported):
    text = (exported.path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text) == exported.report


def test_the_report_holds_no_path_of_this_machine(exported):
    for name in ("report.json", "report.md"):
        text = (exported.path / name).read_text(encoding="utf-8")
        assert str(exported.directory.parent) not in text


@pytest.mark.parametrize("name", ARTEFACTS)
def test_report_has_size_time_differences_and_agreement(exported, name):
    entry = exported.report["artefacts"][name]
    file = exported.path / entry["file"]
    if name != "saved_model":  # a folder
        assert entry["bytes"] == file.stat().st_size
    assert entry["bytes"] > 1000
    assert entry["milliseconds"] > 0
    assert 0 <= entry["mean_difference"] <= entry["largest_difference"]
    assert entry["largest_difference"] <= entry["tolerance"] == TOLERANCES[name]
    assert 0.99 <= entry["agreement"] <= 1
    assert entry["problem"] is None


def test_float_artefacts_equal_the_model_and_rounded_ones_nearly_do(exported):
    largest = {
        name: entry["largest_difference"]
        for name, entry in exported.report["artefacts"].items()
    }
    # Sums of at most 216 float32 terms of order 1, in another order.
    assert max(largest[name] for name in ("saved_model", "onnx", "litert_float32")) < (
        1e-5
    )
    assert 0 < largest["litert_float16"] < largest["litert_int8"]


def test_the_markdown_report_has_a_row_for_each_artefact_and_class(exported):
    text = (exported.path / "report.md").read_text(encoding="utf-8")
    for name in ARTEFACTS:
        assert f"\n| {name} | " in text
    assert "| 2 | tree |" in text


def test_a_difference_over_the_tolerance_leaves_nothing_and_carries_the_report(
    plain_model, images, tmp_path
):
    with pytest.raises(ExportError, match="saved_model: its largest difference") as e:
        export_model(
            plain_model,
            tmp_path / "models" / "tiny",
            images,
            formats=["saved_model"],
            tolerances={"saved_model": 0.0},
        )
    assert e.value.report["artefacts"]["saved_model"]["largest_difference"] > 0
    assert list(tmp_path.iterdir()) == []


def test_images_are_resized_to_the_size_of_the_phone(plain_model, images, tmp_path):
    report = export_model(
        plain_model, tmp_path, images[:1], formats=["litert"], image_size=(8, 10)
    )
    assert report["image_size"] == [8, 10]
    assert report["images"] == {"count": 1, "height": 8, "width": 10}
    assert sorted(report["artefacts"]) == sorted(ARTEFACTS[1:4])
    assert not (tmp_path / "1" / "saved_model.pb").exists()


def test_a_model_that_predicts_nan_is_refused(build_segmenter, images, tmp_path):
    model = build_segmenter()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    with pytest.raises(ExportError, match="model itself predicts NaN .* image 0, 1, 2"):
        export_model(model, tmp_path / "tiny", images, formats=["saved_model"])
    assert list(tmp_path.iterdir()) == []
