"""Tasks other than segmentation: trained, interrupted, gone on with, evaluated."""

import csv
import json
import re

import numpy as np
import pytest

RECIPES = {
    "sequences": """\
[model]
units = 4
depth = 2
[data]
reader = "addition"
digits = 2
train_count = 24
val_count = 10
""",
    "classification": """\
[model]
units = 3
num_layers = 1
patch_size = 4
dense_units = [4]
dropout = 0.2
[data]
reader = "npz"
val_count = 6
[augmentation]
shift = 1
""",
    "superpixels": """\
[model]
units = 4
[data]
reader = "synthetic"
nodes = 12
train_count = 24
val_count = 6
""",
}
TRAINING = """\
[training]
epochs = 2
batch_size = 8
learning_rate = 1e-2
jit_compile = false
"""


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    rng = np.random.default_rng(0)
    np.savez(
        path,
        x_train=rng.integers(0, 256, (30, 8, 8), "uint8"),
        y_train=np.arange(30) % 3,
        x_test=rng.integers(0, 256, (5, 8, 8), "uint8"),
        y_test=np.arange(5) % 3,
    )
    return path


@pytest.fixture(scope="module", params=RECIPES)
def trained(request, command, digits, tmp_path_factory):
    """Task, arguments of `train`, and the directory of a run of two epochs."""
    task = request.param
    folder = tmp_path_factory.mktemp(task)
    recipe = folder / "recipe.toml"
    recipe.write_text(f'task = "{task}"\n{RECIPES[task]}{TRAINING}')
    arguments = ["train", recipe]
    if task == "classification":
        arguments += ["--data", digits]
    result = command(*arguments, "--output", folder / "run")
    assert result.status == 0, result.errors
    return task, arguments, folder / "run"


def score(directory):
    return json.loads((directory / "score.json").read_text())


def curves(directory):
    with open(directory / "metrics.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [
        {name: float(value) for name, value in row.items() if name != "seconds"}
        for row in rows
    ]


def test_run_leaves_the_best_model_its_recipe_curves_and_score(trained):
    task, _, directory = trained
    best = max(row["val_accuracy"] for row in curves(directory))
    assert score(directory)["accuracy"] == pytest.approx(best, rel=1e-5)
    sidecar = json.loads((directory / "model.json").read_text())
    assert sidecar["recipe"]["task"] == task
    assert f'task = "{task}"' in (directory / "recipe.toml").read_text()


def test_interrupted_run_goes_on_to_the_same_end(
    trained, command, tmp_path, monkeypatch
):
    from tfrecvis.tools import callbacks

    write_checkpoint = callbacks.write_checkpoint

    def write_and_stop(*arguments):
        write_checkpoint(*arguments)
        raise KeyboardInterrupt

    _, arguments, directory = trained
    arguments = [*arguments, "--output", tmp_path / "run"]
    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "write_checkpoint", write_and_stop)
        assert command(*arguments).status == 130
    result = command(*arguments)
    assert result.status == 0, result.errors
    assert "Going on after epoch 1 of 2" in result.output
    for resumed, whole in zip(curves(tmp_path / "run"), curves(directory), strict=True):
        assert resumed == pytest.approx(whole, rel=1e-4, abs=1e-5)


def test_evaluation_finds_what_the_training_reached(trained, command, tmp_path):
    _, _, directory = trained
    result = command("evaluate", directory, "--output", tmp_path)
    assert result.status == 0, result.errors
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["accuracy"] == pytest.approx(score(directory)["accuracy"], abs=1e-6)
    assert found["split"] == "val"
    assert "accuracy" in result.output


def test_another_split_can_be_evaluated(trained, command, tmp_path):
    task, _, directory = trained
    arguments = ["evaluate", directory, "--output", tmp_path, "--split"]
    assert command(*arguments, "test").status == 0
    other = command(*arguments[:3], tmp_path / "other", "--split", "holdout")
    assert other.status == 2
    if task == "classification":
        assert "no arrays x_holdout and y_holdout" in other.errors
    else:
        assert "There is no split 'holdout'" in other.errors


@pytest.mark.parametrize("name", ["predict", "export"])
def test_commands_for_pixels_refuse_the_model(trained, command, folder, tmp_path, name):
    task, _, directory = trained
    images = [folder / "val"] if name == "predict" else []
    result = command(name, directory, *images, "--output", tmp_path / "out")
    assert result.status == 2
    assert f"was trained for {task}; this command takes models that" in result.errors


def test_recipe_draws_its_data_or_asks_for_them(trained, command, tmp_path):
    task, arguments, _ = trained
    if task == "classification":
        result = command(*arguments[:2], "--output", tmp_path / "run")
        assert "data.path is not set: add --data PATH" in result.errors
    else:
        result = command(*arguments, "--data", "there", "--output", tmp_path / "run")
        assert "leave out --data" in result.errors
    assert result.status == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.unit=3", "`unit` in .model.. Did you mean `units`"),
        ("model.units=0", "`units`"),
        ("data.reader=folders", "data.reader must be"),
        ("data.train_count=0", "data.train_count must be a positive integer"),
        ("data.train_count=7", "7 .* make no batch of 8"),
        ("data.count=3", "Unknown key `count` in .data."),
        ("training.label_smoothing=0.1", "label_smoothing is for segmentation, not"),
        ("augmentation.flip=true", ".augmentation."),
    ],
)
def test_wrong_key_stops_before_the_training(
    trained, command, tmp_path, setting, message
):
    _, arguments, _ = trained
    arguments = [*arguments, "--output", tmp_path / "run", "--set", setting]
    result = command(*arguments)
    assert result.status == 2
    assert re.search(message, result.errors)
    assert not (tmp_path / "run").exists()


def test_every_epoch_draws_other_sequences():
    from tfrecvis.tools.recipe import TRAINING as defaults
    from tfrecvis.tools.tasks.sequences import Sequences

    recipe = {
        "task": "sequences",
        "data": {"reader": "memorisation", "length": 3, "symbols": 9, "train_count": 8},
        "training": {**defaults, "batch_size": 4},
    }
    task = Sequences(recipe)
    first, again, later = (
        [inputs for inputs, _ in task.batches(epoch, 1).as_numpy_iterator()]
        for epoch in (0, 0, 1)
    )
    assert len(first) == task.steps == 2
    np.testing.assert_array_equal(first, again)
    assert (np.array(first) != np.array(later)).any()
    assert (first[0] != first[1]).any()


def test_images_are_drawn_once_an_epoch_and_in_another_order_in_the_next(digits):
    from tfrecvis.tools.recipe import TRAINING as defaults
    from tfrecvis.tools.tasks.classification import Classification

    recipe = {
        "task": "classification",
        "data": {"reader": "npz", "path": str(digits), "val_count": 6},
        "training": {**defaults, "batch_size": 8},
    }
    task = Classification(recipe)
    epochs = [
        np.concatenate([images for images, _ in task.batches(epoch, 1)])
        for epoch in (0, 1)
    ]
    for images in epochs:
        found = sorted(images.sum((1, 2, 3)).tolist())
        assert found == sorted(task.images[:24].sum((1, 2, 3)).tolist())
    assert (epochs[0] != epochs[1]).any()


def test_scores_of_sequences_count_the_steps_of_the_answer_alone():
    from tfrecvis.tools.recipe import TRAINING as defaults
    from tfrecvis.tools.tasks.sequences import Sequences

    recipe = {
        "task": "sequences",
        "data": {"reader": "memorisation", "length": 3, "symbols": 9},
        "training": defaults,
    }
    task = Sequences(recipe)
    inputs, answers = next(task.split("val"))
    # Three symbols and the end: the targets of the last four of eight steps.
    assert answers.shape[1] == 4
    np.testing.assert_array_equal(answers[:, :3], inputs[:, 1:4])
    logits = np.zeros((len(answers), 8, 10), "float32")
    logits[:, 4:] = 50 * np.eye(10)[answers]
    logits[:, :4, 7] = 50  # whatever it says before
    objective = task.objective()
    loss, (accuracy, whole) = objective["loss"], objective["metrics"]
    assert np.max(loss(answers, logits)) < 1e-6
    logits[0, 5] = 50 * np.eye(10)[(answers[0, 1] + 1) % 10]
    assert np.asarray(accuracy(answers, logits))[0].tolist() == [1, 0, 1, 1]
    assert np.asarray(whole(answers, logits))[:3].tolist() == [0, 1, 1]


def test_land_accuracy_leaves_out_background_and_padding():
    from tfrecvis.tools.tasks.superpixels import LandAccuracy

    metric = LandAccuracy()
    labels, answers = np.array([[0, 1, 2, 3]]), np.array([[1, 1, 3, 3]])
    metric.update_state(labels, np.eye(4)[answers], np.array([[1.0, 1.0, 1.0, 0.0]]))
    assert float(metric.result()) == 0.5


def test_sequences_are_validated_on_as_many_as_the_recipe_says():
    from tfrecvis.tools.recipe import TRAINING as defaults
    from tfrecvis.tools.tasks import task_class

    recipe = {
        "task": "sequences",
        "model": {},
        "data": {"reader": "addition", "digits": 1, "val_count": 20},
        "training": {**defaults, "batch_size": 16},
    }
    batches = task_class(recipe)(recipe).split("val")
    assert [len(inputs) for inputs, _ in batches] == [16, 4]
