import sys

import pytest

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import write_json
from tfrecvis.tools.runs import training
from tfrecvis.tools.runs.recipe import read_recipe, write_recipe
from tfrecvis.tools.runs.run_directory import RunDirectory, claim_directory
from tfrecvis.tools.runs.training import card_of
from tfrecvis.tools.task import task_class


def test_tensorboard_is_no_condition_of_a_training(tmp_path, monkeypatch):
    assert len(training._tensorboard(tmp_path)) == 1
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert training._tensorboard(tmp_path) == []


def test_directory_of_the_same_recipe_may_differ_in_epochs_only(recipe, tmp_path):
    files = RunDirectory(tmp_path)
    first = read_recipe(recipe)
    write_recipe(first, files.recipe)
    claim_directory(files, first)
    claim_directory(files, read_recipe(recipe, ["training.epochs=50"]))
    with pytest.raises(UserError, match=r"model.units \(was 4, now 5\)"):
        claim_directory(files, read_recipe(recipe, ["model.units=5"]))


def test_each_fact_stands_in_the_card_once(recipe):
    settings = ['data.class_names=["a", "b"]']
    task = task_class("segmentation")(read_recipe(recipe, settings))
    task.sidecar = lambda: {"class_names": ["a", "b"]}
    card = card_of(task)
    assert card["class_names"] == ["a", "b"]
    assert "class_names" not in card["recipe"]["data"]
    assert card["recipe"]["data"]["size"] == [48, 48]
    assert card["recipe"]["task"] == "segmentation"
    assert "class_names" in task.recipe["data"]


def test_lines_of_epochs_after_the_checkpoint_are_forgotten(tmp_path):
    files = RunDirectory(tmp_path)
    for epoch in (1, 2, 3):
        files.log(epoch, {"loss": epoch / 2, "val_loss": 1})
    with open(files.metrics, "a") as stream:
        stream.write("4,0.")  # the process was killed here
    files.forget_after(2)
    assert files.metrics.read_text() == "epoch,loss,val_loss\n1,0.5,1\n2,1,1\n"
    assert files.curves_so_far() == {
        "epoch": [1, 2],
        "loss": [0.5, 1],
        "val_loss": [1, 1],
    }


def test_finished_run_is_known_by_its_epochs(recipe, tmp_path, capsys):
    files = RunDirectory(tmp_path)
    wanted = read_recipe(recipe)
    write_recipe(wanted, files.recipe)
    files.model.write_bytes(b"")
    write_json(files.score, {"epochs": 5, "mean_iou": 0.5})
    assert training.train(wanted, tmp_path)["mean_iou"] == 0.5
    assert "is finished" in capsys.readouterr().out
