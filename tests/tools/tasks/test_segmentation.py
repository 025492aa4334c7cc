import numpy as np
import pytest

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.runs.recipe import read_recipe
from tfrecvis.tools.tasks.segmentation import Segmentation, scores_of


def test_classes_that_never_occur_are_left_out_of_the_means():
    result = scores_of(np.array([[2, 2, 0], [0, 4, 0], [0, 0, 0]]), ["a", "b", "c"])
    assert result["iou"] == {"a": 0.5, "b": pytest.approx(4 / 6), "c": None}
    assert result["mean_iou"] == pytest.approx((0.5 + 4 / 6) / 2)
    assert result["class_accuracy"] == pytest.approx(0.75)
    assert result["global_accuracy"] == pytest.approx(6 / 8)


@pytest.fixture
def task(recipe):
    card = {"class_names": ["a", "b"], "colours": [[0, 0, 0], [255, 0, 0]]}
    return Segmentation(read_recipe(recipe), card)


def test_void_pixels_do_not_count(task):
    batch = {"labels": np.array([[[0, 1, 255]]])}
    result = task.score([(batch, {"labels": np.array([[[0, 0, 1]]])})])
    assert result["pixels"] == 2
    assert result["confusion_matrix"] == [[1, 0], [1, 0]]


def test_nothing_but_void_is_an_error_with_status_1(task):
    batch = {"labels": np.full((1, 2, 3), 255)}
    with pytest.raises(
        UserError, match="all pixels of the 1 images are void"
    ) as raised:
        task.score([(batch, {"labels": np.zeros((1, 2, 3), int)})])
    assert raised.value.exit_code == 1


def test_labels_come_back_by_the_nearest_pixel(task):
    answer = {"labels": np.array([[[0, 1], [2, 3]]]), "probabilities": None}
    labels = task.restored(answer, (2, 2), (3, 4))["labels"]
    assert labels.tolist() == [[[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3]]]


def test_folder_without_a_list_of_classes_has_those_of_the_model(task, tmp_path):
    assert task.data_at(tmp_path)["class_names"] == ["a", "b"]
    (tmp_path / "classes.txt").write_text("a\nb")
    assert "class_names" not in task.data_at(tmp_path)


def test_tfds_without_names_of_its_own_has_those_of_the_model(task, tmp_path):
    # Those of the recipe stand in the card, and only there.
    task.recipe["data"] = {"reader": "tfds", "name": "pets"}
    assert task.data_at(None)["class_names"] == ["a", "b"]
    task.recipe["data"]["class_names"] = ["c", "d"]
    assert task.data_at(None)["class_names"] == ["c", "d"]
