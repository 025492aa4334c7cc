"""A task of another kind, defined in one file: every command takes it as it is.

Two inputs, an answer in words. `questions.py` is found by its name, once its folder
belongs to the tasks; nothing else knows of it.
"""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RECIPE = """\
# Answers to questions about images of one colour.
task = "questions"
[data]
reader = "plain"
train_count = 96
[training]
epochs = 12
batch_size = 8
learning_rate = 3e-2
jit_compile = false
[demo]
twin = ["model.sees=false"]
names = ["seeing", "blind"]
lead = 0.2
"""


@pytest.fixture(scope="module", autouse=True)
def _known():
    """The folder of this file as one of the tasks' folders."""
    from tfrecvis.tools import tasks

    folder = str(Path(__file__).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "__path__", [*tasks.__path__, folder])
        yield


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("questions") / "questions.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def run(command, recipe, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "questions"
    result = command("train", recipe, "--output", directory)
    assert result.status == 0, result.errors
    return directory


@pytest.fixture(scope="module")
def exported(command, run, tmp_path_factory):
    output = tmp_path_factory.mktemp("exported")
    result = command("export", run, "--output", output)
    assert result.status == 0, result.errors
    return output / "1", result.output


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A folder of two questions about a photo of another size, and a broken one."""
    folder = tmp_path_factory.mktemp("asked")
    Image.new("RGB", (70, 50), (0, 250, 0)).save(folder / "green.png")
    for name, question in (("colour", "what colour is it"), ("bad", "why")):
        asked = {"image": "green.png", "question": question}
        (folder / f"{name}.json").write_text(json.dumps(asked))
    return folder


def test_run_has_card_curves_and_a_score_of_answers(run):
    card = json.loads((run / "model.json").read_text())
    assert card["recipe"]["task"] == "questions"
    assert card["answers"][:3] == ["red", "green", "blue"]
    score = json.loads((run / "score.json").read_text())
    assert score["right"] > 0.9
    assert "val_right" in (run / "metrics.csv").read_text().partition("\n")[0]


@pytest.mark.slow
def test_report_compares_every_signature_of_every_artefact(exported):
    directory, output = exported
    report = json.loads((directory / "report.json").read_text())
    compared = {
        artefact: sorted(entry["signatures"])
        for artefact, entry in report["artefacts"].items()
    }
    only = ["serving_default"]
    assert compared == {
        "saved_model": [
            "serving_bytes",
            "serving_default",
            "serving_text",
            "serving_text_bytes",
        ],
        "litert_float32": only,
        "litert_float16": only,
        "litert_int8": only,
        "onnx": only,
    }
    assert re.search(r"saved_model +serving_text +- +1\.0000", output)


ARTEFACTS = ["", "model_float32.tflite", "model.onnx"]


def test_words_go_into_the_saved_model_and_come_out(exported):
    from tfrecvis.export import load_artefact

    predictor = load_artefact(exported[0])
    images = np.zeros((2, 5, 5, 3), "uint8")
    images[..., 2] = 250
    questions = np.array(["how bright is it", "what colour is it"], object)
    batch = {"images": images, "question": questions}
    answer = predictor.predict(batch, "serving_text")["answer"]
    assert [text.decode() for text in answer] == ["bright", "blue"]


def check_prediction(command, model, asked, output):
    result = command("predict", model, asked, "--output", output)
    assert result.status == 1
    assert (output / "colour_answer.txt").read_text() == "green\n"
    assert [path.name for path in output.iterdir()] == ["colour_answer.txt"]
    assert "colour.json: what colour is it? green" in result.output
    assert "bad.json: is no question ('why' is not in list); left out" in result.errors


def check_evaluation(command, model, run, output):
    result = command("evaluate", model, "--output", output)
    assert result.status == 0, result.errors
    found = json.loads((output / "evaluation.json").read_text())
    assert found["right"] == json.loads((run / "score.json").read_text())["right"]
    assert "right answers" in result.output


def test_model_is_evaluated_and_predicts(command, run, asked, tmp_path):
    check_prediction(command, run, asked, tmp_path / "answers")
    check_evaluation(command, run, run, tmp_path / "scores")


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_artefact_is_evaluated_and_predicts(
    command, exported, run, asked, tmp_path, artefact
):
    alone = tmp_path / "alone" / artefact
    if artefact:
        alone.parent.mkdir()
        shutil.copy(exported[0] / artefact, alone)
    else:
        shutil.copytree(exported[0], alone)
    check_prediction(command, alone, asked, tmp_path / "answers")
    check_evaluation(command, alone, run, tmp_path / "scores")


def test_export_compares_on_the_files_that_are_named(
    command, run, asked, tmp_path, monkeypatch
):
    given = []

    def remember(signatures, directory, examples, **options):
        given.append(examples)
        return {"artefacts": {}}

    monkeypatch.setattr("tfrecvis.export.export_model", remember)
    arguments = ["export", run, "--output", tmp_path / "out", "--examples"]
    result = command(*arguments, asked / "colour.json")
    assert result.status == 0, result.errors
    assert list(given[0]) == ["serving_default", "serving_text"]
    assert given[0]["serving_default"]["tokens"].shape == (1, 4)
    assert given[0]["serving_text"]["question"].tolist() == ["what colour is it"]
    refused = command(*arguments, asked / "bad.json")
    assert refused.status == 2
    assert "bad.json: is no question" in refused.errors


@pytest.mark.slow
def test_demo_trains_the_twin_exports_and_compares(
    command, recipe, run, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "tfrecvis.export.formats.available.formats", lambda: ("saved_model",)
    )
    shutil.copytree(run, tmp_path / "seeing", ignore=lambda *_: ["recipe.toml"])
    from tfrecvis.tools.runs.recipe import read_recipe, write_recipe

    trained = read_recipe(recipe)
    del trained["demo"]  # which the demo leaves out
    write_recipe(trained, tmp_path / "seeing" / "recipe.toml")
    result = command("demo", recipe, "--output", tmp_path)
    assert result.status == 0, result.errors
    for text in ("seeing is finished", "seeing ", "blind ", "points of right answers"):
        assert text in result.output
    found = json.loads((tmp_path / "demo.json").read_text())
    assert found["lead"] > 0.2
    assert (tmp_path / "export" / "1" / "saved_model.pb").is_file()


def test_list_names_the_task(command):
    words = " ".join(command("list").output.split())
    assert "questions an image and a question about it get an answer in words." in words
