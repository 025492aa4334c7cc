"""Detection through the commands, and its scores by hand and by COCO's protocol."""

import json

import numpy as np
import pytest
from PIL import Image

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.tasks.detection import coco_scores, entries

RECIPE = """\
task = "detection"
[model]
units = 4
num_priors = 2
head_filters = 8
passthrough = 4
backbone_filters = [6, 8, 8, 8]
backbone_blocks = [0, 0, 0, 0]
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
BOX = """<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>
<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four images of 96x128 pixels; the last has no object."""
    root = tmp_path_factory.mktemp("voc")
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    boxes = [
        [("disc", 11, 21, 40, 50)],
        [("bar", 61, 31, 120, 44), ("disc", 1, 1, 30, 30)],
        [("bar", 5, 5, 100, 20)],
        [],
    ]
    for number, found in enumerate(boxes):
        pixels = np.full((96, 128, 3), 30, "uint8")
        for _, x0, y0, x1, y1 in found:
            pixels[y0 - 1 : y1, x0 - 1 : x1] = 220
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{number}.png")
        objects = "".join(BOX.format(*box) for box in found)
        text = f"<annotation>{objects}</annotation>"
        (root / "Annotations" / f"{number}.xml").write_text(text)
    for split in ("train", "val"):
        file = root / "ImageSets" / "Main" / f"{split}.txt"
        file.write_text("0\n1\n2\n3\n")
    return root


@pytest.fixture(scope="module")
def trained(command, folder, tmp_path_factory):
    directory = tmp_path_factory.mktemp("detection")
    (directory / "recipe.toml").write_text(RECIPE)
    arguments = ["--data", folder, "--output", directory / "run"]
    result = command("train", directory / "recipe.toml", *arguments)
    assert result.status == 0, result.errors
    return directory / "run"


def test_run_keeps_its_scores_and_draws_truth_beside_answers(trained):
    score = json.loads((trained / "score.json").read_text())
    assert 0 <= score["ap"] <= score["ap50"] <= 1
    assert (trained / "samples.png").is_file()


def test_evaluate_scores_each_class(command, trained, tmp_path):
    result = command("evaluate", trained, "--output", tmp_path)
    assert result.status == 0, result.errors
    written = json.loads((tmp_path / "evaluation.json").read_text())
    assert written["objects"] == 4
    assert set(written["class_ap"]) == {"disc", "bar"}
    trained_score = json.loads((trained / "score.json").read_text())
    assert written["ap"] == pytest.approx(trained_score["ap"], abs=1e-6)


def test_predict_answers_in_pixels_of_the_photo(command, trained, folder, tmp_path):
    photo = folder / "JPEGImages" / "1.png"
    result = command("predict", trained, photo, "--output", tmp_path)
    assert result.status == 0, result.errors
    assert Image.open(tmp_path / "1_boxes.png").width >= 128
    found = json.loads((tmp_path / "1_boxes.json").read_text())
    right = max((e["bbox"][0] + e["bbox"][2] for e in found), default=128)
    assert 64 < right <= 128  # the model saw 64 pixels
    assert all(entry["category"] in ("disc", "bar") for entry in found)


@pytest.mark.slow
def test_every_artefact_gives_the_same_detections(command, trained, folder, tmp_path):
    examples = folder / "JPEGImages" / "1.png"
    result = command("export", trained, "--output", tmp_path, "--examples", examples)
    assert result.status == 0, result.errors
    report = json.loads((tmp_path / "1" / "report.json").read_text())
    assert set(report["artefacts"]) == {
        "saved_model",
        "litert_float32",
        "litert_float16",
        "litert_int8",
        "onnx",
    }
    result = command(
        "predict", tmp_path / "1" / "model.onnx", examples, "--output", tmp_path / "p"
    )
    assert result.status == 0, result.errors
    assert (tmp_path / "p" / "1_boxes.json").is_file()


def pair(truth, found, count=4):
    """A batch of one image and an answer: boxes (x0, y0, x1, y1, class[, score])."""
    batch = {
        "boxes": np.array([[box[:4] for box in truth]], "float32").reshape(1, -1, 4),
        "classes": np.array([[box[4] for box in truth]], "int32").reshape(1, -1),
    }
    boxes = np.zeros((1, count, 4), "float32")
    scores, classes = np.zeros((1, count)), np.full((1, count), -1)
    for index, (*box, label, score) in enumerate(found):
        boxes[0, index], classes[0, index], scores[0, index] = box, label, score
    answer = {"boxes": boxes, "scores": scores, "classes": classes}
    return batch, {**answer, "num_detections": np.array([len(found)])}


def test_perfect_detections_score_one_and_missing_ones_zero():
    truth = [(0, 0, 40, 40, 0), (50, 50, 90, 90, 1)]
    found = [(0, 0, 40, 40, 0, 0.9)]
    result = coco_scores([pair(truth, found)], ["a", "b"])
    assert result["class_ap"] == {"a": pytest.approx(1), "b": 0}
    assert result["ap"] == pytest.approx(0.5)


def test_overlap_decides_at_each_threshold():
    # IoU 0.8: right at the thresholds 0.50 to 0.75 (pycocotools asks for at least 0.8).
    found = [(0, 0, 32, 40, 0, 0.9)]
    result = coco_scores([pair([(0, 0, 40, 40, 0)], found)], ["a"])
    assert result["ap50"] == pytest.approx(1)
    assert result["ap"] == pytest.approx(0.7)


def test_surer_false_alarm_costs_and_difficult_boxes_do_not_count():
    truth = [(0, 0, 40, 40, 0)]
    found = [(60, 60, 90, 90, 0, 0.9), (0, 0, 40, 40, 0, 0.5)]
    batch, answer = pair(truth, found)
    assert coco_scores([(batch, answer)], ["a"])["ap"] == pytest.approx(0.5, abs=0.01)
    batch["boxes"] = np.concatenate([batch["boxes"], [[[60, 60, 90, 90]]]], 1)
    batch["classes"] = np.array([[0, 0]])
    batch["difficult"] = np.array([[False, True]])
    assert coco_scores([(batch, answer)], ["a"])["ap"] == pytest.approx(1)


def test_data_without_any_box_is_an_error():
    with pytest.raises(UserError, match="no image has a box"):
        coco_scores([pair([], [])], ["a"])


def test_entries_are_those_of_coco_results():
    _, answer = pair([], [(10, 20, 30, 60, 1, 0.25)])
    assert entries(answer, 0) == [
        {"category_id": 1, "bbox": [10, 20, 20, 40], "score": 0.25}
    ]
