"""Detectors that take regions, through the commands."""

import json
import sys

import keras
import numpy as np
import pytest
from voc_images import RECIPE, write_voc_images

REGION_RECIPE = """\
task = "detection"
[model]
class = "FastRCNN"
units = 4
head_units = 8
max_detections = 5
score_threshold = 0.0
backbone_filters = [6, 8]
backbone_blocks = [0, 0]
[regions]
num_regions = 30
min_size = 6
[data]
reader = "voc"
class_names = ["disc", "bar"]
image_size = [48, 64]
[augmentation]
crop_size = [48, 64]
flip = true
[training]
epochs = 1
batch_size = 2
jit_compile = false
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("voc")
    write_voc_images(root)
    return root


def train_of_regions(command, folder, directory, recipe=REGION_RECIPE):
    (directory / "recipe.toml").write_text(recipe)
    arguments = ["--data", folder, "--output", directory / "run"]
    return command("train", directory / "recipe.toml", *arguments)


@pytest.fixture(scope="module")
def trained_regions(command, folder, tmp_path_factory):
    directory = tmp_path_factory.mktemp("detection_regions")
    result = train_of_regions(command, folder, directory)
    assert result.status == 0, result.errors
    return directory / "run"


@pytest.mark.slow
def test_regions_are_searched_by_every_command(
    command, trained_regions, folder, tmp_path
):
    logged = (trained_regions / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"region_classes", "region_boxes"} <= set(logged)
    result = command("evaluate", trained_regions, "--output", tmp_path / "scores")
    assert result.status == 0, result.errors
    written = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    trained_score = json.loads((trained_regions / "score.json").read_text())
    assert written["ap"] == pytest.approx(trained_score["ap"], abs=1e-6)
    # Every score is over this model's threshold, often of more boxes than it may tell.
    full = written["full_answers"]
    assert full >= 1
    assert f"{full} of 4 images have as many detections" in result.output
    photos = folder / "JPEGImages"
    result = command("predict", trained_regions, photos, "--output", tmp_path / "p")
    assert result.status == 0, result.errors
    assert "the model answers with 5 at most" in result.output
    found = json.loads((tmp_path / "p" / "1_boxes.json").read_text())
    assert found
    # Regions of the resized photo, answers in the photo's own pixels.
    assert 64 < max(e["bbox"][0] + e["bbox"][2] for e in found) <= 128


@pytest.mark.slow
def test_missing_opencv_is_named_by_predict(
    command, trained_regions, folder, tmp_path, monkeypatch
):
    from tfrecvis.data import selective_search

    monkeypatch.setitem(sys.modules, "cv2", None)
    module = sys.modules[selective_search.__module__]
    monkeypatch.setattr(module, "_FOUND", {})
    photo = folder / "JPEGImages" / "1.png"
    result = command("predict", trained_regions, photo, "--output", tmp_path / "p")
    assert result.status == 2
    assert "opencv-contrib-python-headless" in result.errors


def test_regions_of_a_detector_that_takes_none_are_refused(command, folder, tmp_path):
    recipe = RECIPE.replace("[data]", "[regions]\nnum_regions = 9\n[data]")
    result = train_of_regions(command, folder, tmp_path, recipe)
    assert result.status == 2
    assert "YOLOv2 takes no regions: remove [regions]" in result.errors
    recipe = REGION_RECIPE.replace("num_regions = 30", "num_regions = 0")
    result = train_of_regions(command, folder, tmp_path, recipe)
    assert result.status == 2 and "[regions] is wrong: `num_regions`" in result.errors
    recipe = REGION_RECIPE.replace("[augmentation]", "[augmentation]\nmosaic = 0.5")
    result = train_of_regions(command, folder, tmp_path, recipe)
    assert result.status == 2
    assert "`regions` of four images are not those of their mosaic" in result.errors


@pytest.mark.slow
def test_support_vector_machines_follow_the_training(command, folder, tmp_path):
    recipe = REGION_RECIPE.replace("FastRCNN", "RCNN")
    recipe = recipe.replace("units = 4\n", "crop_size = 16\n", 1)
    result = train_of_regions(command, folder, tmp_path, recipe)
    assert result.status == 0, result.errors
    score = json.loads((tmp_path / "run" / "score.json").read_text())
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    # The ridge regression alone makes anything of this layer.
    assert np.abs(model.get_layer("box_deltas").kernel).max() > 0
    result = command("evaluate", tmp_path / "run", "--output", tmp_path / "scores")
    assert result.status == 0, result.errors
    written = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    assert written["ap"] == pytest.approx(score["ap"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["FastRCNN", "RCNN"])
def test_every_artefact_takes_images_and_regions(
    command, trained_regions, folder, tmp_path, name
):
    run, photo = trained_regions, folder / "JPEGImages" / "1.png"
    if name == "RCNN":
        recipe = REGION_RECIPE.replace("FastRCNN", "RCNN")
        recipe = recipe.replace("units = 4\n", "crop_size = 16\n", 1)
        assert train_of_regions(command, folder, tmp_path, recipe).status == 0
        run = tmp_path / "run"
    output = tmp_path / "exported"
    result = command("export", run, "--output", output, "--examples", photo)
    assert result.status == 0, result.errors
    report = json.loads((output / "1" / "report.json").read_text())
    assert set(report["artefacts"]) == {"saved_model", "litert_float32", "onnx"}
    for file in ("model.onnx", "model_float32.tflite", ""):
        answers = tmp_path / f"answers{file}"
        result = command("predict", output / "1" / file, photo, "--output", answers)
        assert result.status == 0, result.errors
        assert (answers / "1_boxes.json").is_file()
