"""Captioning through the commands."""

import inspect
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from tfrecvis import models
from tfrecvis.export.predictor import Predictor
from tfrecvis.models import captioning
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.loading import load
from tfrecvis.tools.runs.first_weights import take_weights
from tfrecvis.tools.runs.recipe import find_recipe, read_recipe
from tfrecvis.tools.tasks.captioning import CAPTIONERS, Captioning

RECIPE = """\
task = "captioning"
[model]
units = 8
embedding_size = 4
backbone_filters = [4, 6]
backbone_blocks = [0, 0]
[data]
reader = "synthetic"
size = [48, 48]
train_count = 12
val_count = 6
[text]
least_count = 1
max_steps = 8
[search]
beam_width = 2
[training]
epochs = 1
batch_size = 4
jit_compile = false
"""


@pytest.fixture
def no_java(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.fixture(scope="module")
def trained(command, tmp_path_factory):
    directory = tmp_path_factory.mktemp("captioning")
    (directory / "recipe.toml").write_text(RECIPE)
    result = command("train", directory / "recipe.toml", "--output", directory / "run")
    assert result.status == 0, result.errors
    return directory / "run"


@pytest.fixture
def task(tmp_path):
    """A function of settings that returns the task of the recipe."""
    (tmp_path / "recipe.toml").write_text(RECIPE)

    def of(*settings):
        return Captioning(read_recipe(tmp_path / "recipe.toml", settings))

    return of


def folder(root):
    """Three photos to train on, of which one is missing, and one to validate on."""
    entries = []
    for name, split in (
        ("a", "train"),
        ("b", "train"),
        ("gone", "train"),
        ("c", "val"),
    ):
        captions = ["A red dot .", "a dot"] if name != "b" else ["a dot", ""]
        entries.append({"file": f"{name}.png", "split": split, "captions": captions})
        if name != "gone":
            (root / "images").mkdir(exist_ok=True)
            Image.new("RGB", (16, 12)).save(root / "images" / f"{name}.png")
    (root / "captions.json").write_text(json.dumps({"images": entries}))


def test_run_keeps_its_scores_its_words_and_pictures(trained):
    score = json.loads((trained / "score.json").read_text())
    assert score["cider"] >= 0 and 0 <= score["bleu4"] <= 1
    logged = (trained / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"perplexity", "word_accuracy", "val_cider"} <= set(logged)
    card = json.loads((trained / "model.json").read_text())
    assert card["words"][:5] == ["", "[UNK]", "[start]", "[end]", "a"]
    assert card["model"] == "ShowAndTell" and "lower-case" in card["tokenizer"]
    assert (trained / "samples.png").is_file()


def test_evaluate_writes_scores_and_captions_as_coco_has_them(
    command, trained, tmp_path, no_java
):
    result = command("evaluate", trained, "--output", tmp_path)
    assert result.status == 0, result.errors
    assert "BLEU-4" in result.output and "lower-case words" in result.output
    written = json.loads((tmp_path / "evaluation.json").read_text())
    trained_score = json.loads((trained / "score.json").read_text())
    assert written["cider"] == pytest.approx(trained_score["cider"], abs=1e-6)
    assert written["images"] == 6 and "meteor" not in written
    captions = json.loads((tmp_path / "captions.json").read_text())
    assert [entry["image_id"] for entry in captions] == list(range(6))
    assert len({e["caption"] for e in captions}) == written["different_captions"]


def test_predict_says_a_caption_of_each_photo_that_can_be_read(
    command, trained, tmp_path
):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(2):
        pixels = np.full((60, 48, 3), 90 * number, "uint8")
        Image.fromarray(pixels).save(photos / f"{number}.png")
    (photos / "broken.png").write_bytes(b"no image")
    result = command("predict", trained, photos, "--output", tmp_path / "p")
    assert result.status == 1
    assert "broken.png: cannot be decoded" in result.errors
    (found,) = json.loads((tmp_path / "p" / "1_caption.json").read_text())
    assert found["image_id"] == 1 and found["score"] < 0
    assert f"1.png: {found['caption']}" in result.output


def test_photos_with_captions_are_opened_and_what_is_wrong_is_said(
    task, tmp_path, capsys
):
    folder(tmp_path)
    opened = task("training.batch_size=2")
    opened.recipe["data"] = {"reader": "captions", "path": str(tmp_path)}
    opened.open()
    assert "2 images to train on, 1 to validate on, 7 words" in opened.description
    errors = capsys.readouterr().err
    assert "gone.png: is missing" in errors and "b.png: caption 1 is empty" in errors
    inputs, targets = next(iter(opened.batches(0, 1)))
    assert inputs["images"].shape == (2, 12, 16, 3)
    np.testing.assert_array_equal(inputs["tokens"], targets)
    rows = sorted(tuple(row) for row in targets.numpy()[:, :, :4].reshape(-1, 4))
    # The photo with one caption has a row of padding in place of the second.
    assert [row for row in rows if not any(row)] == [(0, 0, 0, 0)]
    with pytest.raises(UserError, match="Fix or remove them, or leave out --strict"):
        opened.open(strict=True)


def test_blind_model_is_shown_black_images(task):
    batch = {"image": np.full((1, 4, 4, 3), 7, "uint8")}
    assert task().inputs(batch)["images"].max() == 7
    blind = task("model.blind=true")
    assert blind.inputs(batch)["images"].max() == 0
    blind.open()
    inputs, _ = next(iter(blind.batches(0, 1)))
    assert inputs["images"].numpy().max() == 0


def test_sets_of_tensorflow_datasets_are_read(task):
    settings = ["data.reader='tfds'", "data.name='no_such_captions'"]
    found = task(*settings)
    for key in ("size", "train_count", "val_count"):
        found.recipe["data"].pop(key, None)
    with pytest.raises(UserError, match="The data cannot be used.*no_such_captions"):
        found.open()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.class='ShowAndTel'", "one of ShowAndTell.*Did you mean `ShowAndTell`"),
        ("model.blind=3", "model.blind is true or false"),
        ("text.max_step=3", "`max_step` in .text.. Did you mean `max_steps`"),
        ("text.max_steps=0", "text. is wrong: `max_steps`"),
        ("text.least_count=99999", "text. is wrong: No word"),
        ("search.beam_width=50", "search.*`beam_width` must be at most the size"),
        ("search.beam_width=0", "`beam_width`"),
        ("augmentation.flip=true", "left and right wrong"),
    ],
)
def test_wrong_key_stops_before_the_training(command, tmp_path, setting, message):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    arguments = ["--output", tmp_path / "run", "--set", setting]
    result = command("train", tmp_path / "recipe.toml", *arguments)
    assert result.status == 2
    assert re.search(message, result.errors), result.errors
    assert not (tmp_path / "run").exists()


def test_trained_model_heeds_no_other_search(command, trained, tmp_path):
    arguments = ["--output", tmp_path, "--set", "search.beam_width=5"]
    result = command("evaluate", trained, *arguments)
    assert result.status == 2 and "keys of [data] only" in result.errors


def test_card_of_other_words_is_refused(trained, tmp_path):
    shutil.copy(trained / "model.keras", tmp_path)
    card = json.loads((trained / "model.json").read_text())
    card["words"][4] = "the"
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="does not fit its card: the words of the card"):
        load(str(tmp_path / "model.keras"))


def test_attention_is_drawn_word_by_word(task, tmp_path):
    attending = task("model.class='ShowAttendTell'")
    attending.card = {"words": ["", "[UNK]", "[start]", "[end]", "a", "dog"]}
    assert attending.files == ("_caption.json", "_attention.png")
    answer = {
        "tokens": np.array([[4, 5, 0]]),
        "scores": np.array([-1.5]),
        "attention": np.eye(4)[None, :3].reshape(1, 3, 2, 2),
    }
    image = np.zeros((1, 20, 30, 3), "uint8")
    assert attending.write({"image": image}, answer, tmp_path / "x") == "a dog"
    picture = Image.open(tmp_path / "x_attention.png")
    assert picture.width > 2 * picture.height  # the image and two words in a row
    answer["tokens"] = np.zeros((1, 3), int)
    assert attending.write({"image": image}, answer, tmp_path / "y") == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CAPTIONERS if name != "ShowAndTell"])
def test_other_captioners_go_through_every_command(command, tmp_path, name, no_java):
    recipe = RECIPE.replace("[model]", f'[model]\nclass = "{name}"')
    (tmp_path / "recipe.toml").write_text(recipe)
    run, exported = tmp_path / "run", tmp_path / "exported"
    result = command("train", tmp_path / "recipe.toml", "--output", run)
    assert result.status == 0, result.errors
    result = command("evaluate", run, "--output", tmp_path / "scores")
    assert result.status == 0, result.errors
    # The other formats are those of `models/`, where each captioner is exported.
    result = command("export", run, "--output", exported, "--formats", "onnx")
    assert result.status == 0, result.errors
    Image.new("RGB", (48, 60), (200, 30, 30)).save(tmp_path / "photo.png")
    arguments = [tmp_path / "photo.png", "--output", tmp_path / "p"]
    result = command("predict", exported / "1" / "model.onnx", *arguments)
    assert result.status == 0, result.errors
    attends = (tmp_path / "p" / "photo_attention.png").is_file()
    assert attends == CAPTIONERS[name]


@pytest.mark.slow
def test_every_artefact_says_the_same(command, trained, tmp_path, no_java):
    result = command("export", trained, "--output", tmp_path / "e")
    assert result.status == 0, result.errors
    said = []
    for name in ("", "model_float32.tflite", "model.onnx"):
        artefact = tmp_path / "e" / "1" / name
        output = tmp_path / f"scores_{name}"
        result = command("evaluate", artefact, "--output", output)
        assert result.status == 0, result.errors
        said.append((output / "captions.json").read_text())
    assert len(set(said)) == 1


def test_examples_of_an_export_fit_every_signature(trained):
    loaded = load(str(trained))
    examples = loaded.task.examples(None, (48, 48))
    assert set(examples) == {signature.name for signature in loaded.signatures}
    assert captioning.words_of(loaded.signatures[0].model) == loaded.task.card["words"]
    assert len(examples["serving_default"]["images"]) == 4


def test_recipes_of_flickr8k_differ_in_their_model_only():
    names = "show_and_tell", "soft_attention", "hard_attention", "lrcn", "contextual"
    recipes = [read_recipe(find_recipe(f"flickr8k_{name}")) for name in names]
    for recipe in recipes:
        task = Captioning(recipe)
        builder = getattr(models, task.model_class)
        inspect.signature(builder).bind(["dog"], **task.arguments)
        common = {key: value for key, value in recipe.items() if key != "model"}
        assert common == {k: v for k, v in recipes[0].items() if k != "model"}
        size = {k: v for k, v in recipes[0]["model"].items() if k != "class"}
        assert {key: recipe["model"][key] for key in size} == size


@pytest.mark.slow
def test_second_stage_trains_on_cider(command, tmp_path, no_java):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    settings = "training.cider_epochs=2", "training.cider_learning_rate=0.01"
    settings = [part for setting in settings for part in ("--set", setting)]
    arguments = tmp_path / "recipe.toml", "--output", tmp_path / "run", *settings
    result = command("train", *arguments)
    assert result.status == 0, result.errors
    result_of_training = result.output
    found = re.findall(r"on CIDEr, epoch (./2): [\d.]+ of drawn", result.output)
    assert found == ["1/2", "2/2"]
    result = command("evaluate", tmp_path / "run", "--output", tmp_path / "scores")
    assert result.status == 0, result.errors
    score = json.loads((tmp_path / "run" / "score.json").read_text())
    again = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    assert again["cider"] == pytest.approx(score["cider"], abs=1e-6)
    told = re.findall(r"val ([\d.]+) \(best until then ([\d.]+)\)", result_of_training)
    reached = [float(number) for pair in told for number in pair]
    assert score["cider"] == pytest.approx(max(reached), abs=6e-4)


def test_second_stage_takes_every_caption_with_a_word(task, tmp_path):
    folder(tmp_path)
    opened = task("training.batch_size=1")
    opened.recipe["data"] = {"reader": "captions", "path": str(tmp_path)}
    opened.open()
    given = dict.fromkeys(
        tuple(own) for _, captions in opened._with_references(0) for own in captions
    )
    assert all(text == text.lower().strip(" .") for own in given for text in own)
    assert ("a red dot", "a dot") in given


def test_first_weights_follow_the_words(trained):
    card = json.loads((trained / "model.json").read_text())
    source = load(str(trained)).signatures[0].model
    words = [*card["words"][:4], "comet", *reversed(card["words"][4:])]
    arguments = {"units": 8, "embedding_size": 4}
    backbone = {"backbone_filters": [4, 6], "backbone_blocks": [0, 0]}
    model = models.ShowAndTell(words, **arguments, **backbone)
    text = take_weights(model, str(trained))
    count = len(model.weights)
    assert (
        text
        == f"{count} of {count} weights taken from {trained}; new: the word 'comet'"
    )
    from_decoder, decoder = (x.get_layer("decoder") for x in (source, model))
    for word in (4, 7):
        place = words.index(card["words"][word])
        for mine, theirs in (
            (decoder.word_embedding.embeddings, from_decoder.word_embedding.embeddings),
            (decoder.word_logits.bias, from_decoder.word_logits.bias),
        ):
            np.testing.assert_array_equal(mine[place], theirs[word])
        np.testing.assert_array_equal(
            decoder.word_logits.kernel[:, place],
            from_decoder.word_logits.kernel[:, word],
        )
    np.testing.assert_array_equal(decoder.image.kernel, from_decoder.image.kernel)


def test_file_of_one_part_of_a_model_is_refused(
    command, trained, tmp_path, monkeypatch
):
    card = json.loads((trained / "model.json").read_text())
    step = Predictor("onnx", None, {"step": {}}, card)
    monkeypatch.setattr("tfrecvis.export.load_artefact", lambda path: step)
    path = tmp_path / "model_step.onnx"
    path.write_bytes(b"")
    result = command("predict", path, path, "--output", tmp_path / "out")
    assert result.status == 2
    assert "model_step.onnx holds only step, a part of the model" in result.errors
    assert not (tmp_path / "out").exists()
