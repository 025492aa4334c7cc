"""Tasks other than segmentation, through every command."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

import tfrecvis

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


# Fast tests train a superpixel labeller in `test_arrays.py`, and export a task on
# arrays in `new_task/`.
TASKS = [
    "classification",
    pytest.param("sequences", marks=pytest.mark.slow),
    pytest.param("superpixels", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=TASKS)
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
    card = json.loads((directory / "model.json").read_text())
    assert card["recipe"]["task"] == task
    assert card["model"] in tfrecvis.models.__all__
    assert (directory / "curves.png").is_file()
    assert f'task = "{task}"' in (directory / "recipe.toml").read_text()


# Dropout and an augmentation ask most of a training that goes on.
@pytest.mark.parametrize(
    "trained",
    [
        "classification",
        pytest.param("sequences", marks=pytest.mark.slow),
        pytest.param("superpixels", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_interrupted_run_goes_on_to_the_same_end(
    trained, command, tmp_path, monkeypatch
):
    from tfrecvis.tools.runs import callbacks

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
    counted = {
        "sequences": "10 sequences",
        "classification": "6 images",
        "superpixels": "6 graphs",
    }
    assert f"{counted[trained[0]]} of the split val" in result.output
    assert "accuracy" in result.output


def test_another_split_can_be_evaluated(trained, command, tmp_path):
    task, _, directory = trained
    arguments = ["evaluate", directory, "--output", tmp_path, "--split"]
    assert command(*arguments, "test").status == 0
    # The split is looked at before the output, which exists by now.
    other = command(*arguments, "holdout")
    assert other.status == 2
    if task == "classification":
        assert "no arrays x_holdout and y_holdout" in other.errors
    else:
        assert "There is no split 'holdout'" in other.errors


@pytest.fixture(scope="module")
def exported(trained, command, digits, tmp_path_factory):
    """The SavedModel of the run."""
    _, _, directory = trained
    output = tmp_path_factory.mktemp("exported")
    arguments = ["--output", output, "--formats", "saved_model"]
    result = command("export", directory, *arguments)
    assert result.status == 0, result.errors
    assert re.search(r"saved_model +serving_default .* 1\.0000", result.output)
    return output / "1"


@pytest.fixture(scope="module")
def inputs(trained, digits, tmp_path_factory):
    """A folder with one file that the task reads, and one that is broken."""
    task, _, directory = trained
    folder = tmp_path_factory.mktemp("inputs")
    if task == "sequences":
        (folder / "sums.txt").write_text("12+34\n07+55\n")
        (folder / "broken.txt").write_text("12+3\n")
    elif task == "classification":
        Image.fromarray(np.arange(256, dtype="uint8").reshape(16, 16)).save(
            folder / "digit.png"
        )
        (folder / "broken.png").write_bytes(b"no image")
    else:
        from tfrecvis.data import SyntheticSuperpixels

        graphs = SyntheticSuperpixels("val", 1, nodes=12)
        arrays = {name: array[0] for name, array in graphs.inputs.items()}
        arrays["nodes"] = arrays.pop("mask")
        np.savez(folder / "graph.npz", **arrays)
        np.savez(folder / "broken.npz", features=arrays["features"])
    return folder


def answers(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_predict_answers_to_files_with_the_model_and_its_export_alike(
    trained, exported, command, inputs, tmp_path
):
    _, _, directory = trained
    for model, output in ((directory, "model"), (exported, "artefact")):
        result = command("predict", model, inputs, "--output", tmp_path / output)
        assert result.status == 1
        assert "1 files answered, 1 could not be read" in result.output
        (line,) = result.errors.splitlines()
        assert re.search(r"broken\.\w+: .*; left out$", line)
    if trained[0] == "sequences":
        assert answers(tmp_path / "model") == answers(tmp_path / "artefact")
        text = answers(tmp_path / "model")["sums_answer.txt"].decode()
        assert len(text.splitlines()) == 2
        assert re.search(r"sums\.txt: .*, ", result.output)
        return
    one, other = (
        json.loads(next((tmp_path / name).iterdir()).read_text())
        for name in ("model", "artefact")
    )
    assert one["labels"] == other["labels"]
    assert np.asarray(one["probabilities"]).sum(-1) == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_evaluation_of_the_export_finds_the_same(trained, exported, command, tmp_path):
    task, arguments, directory = trained
    data = arguments[2:] if task == "classification" else []
    result = command("evaluate", exported, *data, "--output", tmp_path)
    assert result.status == 0, result.errors
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["accuracy"] == pytest.approx(score(directory)["accuracy"], abs=1e-6)


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
        ("training.label_smoothing=0.1", "Unknown key `label_smoothing` in .training."),
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


def test_evaluation_asks_for_no_data_that_the_recipe_draws(trained, command, tmp_path):
    task, _, directory = trained
    arguments = ["evaluate", directory, "--data", tmp_path, "--output", tmp_path]
    result = command(*arguments)
    assert result.status == 2
    wanted = "npz" if task == "classification" else "leave out --data"
    assert wanted in result.errors
