import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tfrecvis.tools.evaluate import scores


@pytest.fixture(scope="module")
def evaluation(command, finished_run, folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("evaluation")
    result = command("evaluate", finished_run, "--data", folder, "--output", output)
    assert result.status == 0, result.errors
    return output, result.output


def test_json_holds_what_the_training_reached(evaluation, finished_run):
    # The folder's val split holds the scenes that the run was validated on.
    result = json.loads((evaluation[0] / "evaluation.json").read_text())
    score = json.loads((finished_run / "score.json").read_text())
    for name in ("mean_iou", "global_accuracy", "class_accuracy"):
        assert result[name] == pytest.approx(score[name], abs=1e-3)
    assert result["images"] == 2
    assert result["pixels"] == np.sum(result["confusion_matrix"]) == 2 * 48 * 48
    assert set(result["iou"]) == set(result["pixels_of_class"])


def test_picture_of_the_confusion_matrix_is_drawn(evaluation):
    picture = np.asarray(Image.open(evaluation[0] / "confusion_matrix.png"))
    assert picture.shape[0] > 300
    assert picture.std() > 5


def test_scores_are_printed_a_line_a_class(evaluation):
    for word in ("grass", "buoy_port", "mean", "global accuracy"):
        assert word in evaluation[1]


def test_classes_that_never_occur_are_left_out_of_the_means():
    result = scores(np.array([[2, 2, 0], [0, 4, 0], [0, 0, 0]]), ["a", "b", "c"])
    assert result["iou"] == {"a": 0.5, "b": pytest.approx(4 / 6), "c": None}
    assert result["mean_iou"] == pytest.approx((0.5 + 4 / 6) / 2)
    assert result["class_accuracy"] == pytest.approx(0.75)
    assert result["global_accuracy"] == pytest.approx(6 / 8)


def test_other_number_of_classes_is_refused(command, finished_run, folder, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    names = (data / "classes.txt").read_text()
    (data / "classes.txt").write_text(names + "\nsky")
    result = command("evaluate", finished_run, "--data", data)
    assert result.status == 2
    assert "The model tells 7 classes apart, the data has 8" in result.errors


def test_other_names_of_classes_are_refused(command, finished_run, folder, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    names = (data / "classes.txt").read_text()
    (data / "classes.txt").write_text(names.replace("water", "sea"))
    result = command("evaluate", finished_run, "--data", data)
    assert result.status == 2
    assert "grass, water, marker" in result.errors
    assert "grass, sea, marker" in result.errors


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("camvid_resek", "There is no model `camvid_resek`.*Did you mean"),
        ("{folder}", "holds no saved_model.pb"),
        ("{folder}/classes.txt", "ends in .tflite, .onnx, .keras"),
    ],
)
def test_what_is_no_model_is_refused(command, folder, name, message):
    result = command("evaluate", name.format(folder=folder), "--data", folder)
    assert result.status == 2
    assert re.search(message, result.errors)
