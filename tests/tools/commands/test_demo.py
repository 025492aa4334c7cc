"""`tfrecvis demo` with the tiny recipe; the exports of it are tested elsewhere."""

import json
import re
import shutil
import types

import pytest
from PIL import Image

DEMO = """
[demo]
twin = ["model.context=conv"]
names = ["recurrent", "convolutional"]
lead = -1.0
"""


@pytest.fixture(scope="module")
def demo_recipe(recipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "tiny_demo.toml"
    path.write_text(recipe.read_text() + DEMO)
    return path


@pytest.fixture(scope="module")
def demonstrated(command, demo_recipe, finished_run, tmp_path_factory):
    """The directory of a demo, and what it printed; it found one model trained."""
    directory = tmp_path_factory.mktemp("demo")
    shutil.copytree(finished_run, directory / "recurrent")
    with pytest.MonkeyPatch.context() as patch:
        formats = "tfrecvis.export.formats.available.formats"
        patch.setattr(formats, lambda: ("saved_model",))
        result = command("demo", demo_recipe, "--output", directory)
    assert result.status == 0, result.errors
    written = json.loads((directory / "demo.json").read_text())
    return types.SimpleNamespace(path=directory, result=written, output=result.output)


# The demo of `new_task/questions.py`, a small model's, is a fast test.
@pytest.mark.slow
def test_demo_scores_both_models_exports_and_draws(demonstrated):
    result = demonstrated.result
    assert "recurrent is finished" in demonstrated.output
    recurrent, twin = result["models"].values()
    assert abs(recurrent["parameters"] / twin["parameters"] - 1) < 0.1
    assert result["lead"] == recurrent["mean_iou"] - twin["mean_iou"]
    assert set(result["report"]["artefacts"]) == {"saved_model"}
    assert (demonstrated.path / "export" / "1" / "saved_model.pb").is_file()
    for name in ("", "recurrent/", "convolutional/"):
        picture = f"{name}{'confusion_matrix' if name else 'comparison'}.png"
        assert Image.open(demonstrated.path / picture).size[0] > 300
        assert str(demonstrated.path / picture) in result["pictures"]


@pytest.mark.slow
def test_demo_ends_with_a_table_of_scores_parity_and_pictures(demonstrated):
    text = demonstrated.output
    for word in ("recurrent ", "convolutional ", "points of mean IoU", "saved_model"):
        assert word in text
    assert str(demonstrated.path / "comparison.png") in text
    assert str(demonstrated.path / "predictions") in text
    assert (demonstrated.path / "predictions" / "0_overlay.png").is_file()


def stub(monkeypatch, **result):
    rest = {"report": {"artefacts": {}}, "pictures": [], "said": [], "export": "there"}
    rest["predictions"] = "here"
    result = {**rest, **result}
    monkeypatch.setattr("tfrecvis.tools.commands.demo.demo", lambda *_: result)


def test_demo_fails_when_recurrence_does_not_pay(command, tmp_path, monkeypatch):
    stub(monkeypatch, score=["mean_iou", "mean IoU"], lead=0.1, models={})
    done = command("demo", "synthetic_reseg", "--output", tmp_path)
    assert done.status == 1
    assert (
        "synthetic_reseg: the model is 10.0 points ahead of its twin, where at least "
        "15 were expected"
    ) in done.errors


@pytest.mark.parametrize(("bleu4", "status"), [(0.79, 1), (0.81, 0)])
def test_demo_without_a_twin_fails_below_its_least_score(
    command, tmp_path, monkeypatch, bleu4, status
):
    scores = {"bleu4": bleu4, "parameters": 9, "seconds": 3}
    stub(
        monkeypatch,
        score=["bleu4", "BLEU-4"],
        lead=None,
        models={"attention": scores},
        said=["0: a big red ring above a small blue star"],
    )
    done = command("demo", "synthetic_captions", "--output", tmp_path)
    assert done.status == status
    assert "0: a big red ring" in done.output
    expected = "synthetic_captions: the model reaches BLEU-4 0.790, where at least 0.8"
    assert (expected in done.errors) == (status == 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[demo]", "[demoo]"), "Did you mean `demo`"),
        (("lead", "leads"), "Did you mean `lead`"),
        (("lead = -1.0", ""), "lacks the key lead"),
        ((DEMO, ""), "has no table .demo.*Recipes that do: .*synthetic_reseg"),
        (('"convolutional"]', "]"), "demo.names must be two names"),
        (('twin = ["model.context=conv"]', ""), "demo.names must be two names"),
        (("lead = -1.0", "lead = 0\nscore = 'ap'"), "demo.score must be .* 'ap'"),
    ],
)
def test_recipe_without_a_whole_demo_is_refused(
    command, demo_recipe, tmp_path, change, message
):
    path = tmp_path / "recipe.toml"
    path.write_text(demo_recipe.read_text().replace(*change))
    result = command("demo", path, "--output", tmp_path / "out")
    assert result.status == 2
    assert re.search(message, result.errors)
    assert not (tmp_path / "out").exists()
