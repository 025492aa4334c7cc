import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image


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


def test_samples_are_drawn_with_the_truth_beside_the_answer(evaluation):
    picture = Image.open(evaluation[0] / "samples.png")
    assert picture.width > picture.height  # image, truth and answer; two samples


def test_scores_are_printed_with_a_line_per_class(evaluation):
    assert "2 images of the split val\n" in evaluation[1]
    for word in ("grass", "buoy_port", "mean", "global accuracy"):
        assert word in evaluation[1]


def with_classes(folder, path, change):
    shutil.copytree(folder, path)
    names = (path / "classes.txt").read_text()
    (path / "classes.txt").write_text(change(names))
    return path


def test_other_number_of_classes_is_refused(command, finished_run, folder, tmp_path):
    data = with_classes(folder, tmp_path / "data", lambda names: f"{names}\nsky")
    result = command("evaluate", finished_run, "--data", data, "--output", tmp_path)
    assert result.status == 2
    assert "The model tells 7 classes apart, the data has 8" in result.errors


def test_other_names_of_classes_are_refused(command, finished_run, folder, tmp_path):
    def rename(names):
        return names.replace("water", "sea")

    data = with_classes(folder, tmp_path / "data", rename)
    result = command("evaluate", finished_run, "--data", data, "--output", tmp_path)
    assert result.status == 2
    assert "grass, water, marker" in result.errors
    assert "grass, sea, marker" in result.errors


def test_second_evaluation_is_refused_unless_told(
    command, finished_run, folder, evaluation
):
    output = evaluation[0]
    arguments = ["evaluate", finished_run, "--data", folder, "--output", output]
    refused = command(*arguments)
    assert refused.status == 2
    assert "evaluation.json exists" in refused.errors
    assert "--overwrite" in refused.errors
    assert command(*arguments, "--overwrite").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_model"], "There is no model `no_such_model`"),
        (["{run}", "--data", "no_such_folder"], "no_such_folder"),
        (["{run}", "--data", "{folder}", "--split", "vall"], "vall"),
        (["{run}", "--set", "data.sise=3"], "Did you mean `size`"),
    ],
)
def test_existing_output_hides_no_other_mistake(
    command, finished_run, folder, evaluation, arguments, message
):
    words = [word.format(run=finished_run, folder=folder) for word in arguments]
    result = command("evaluate", *words, "--output", evaluation[0])
    assert result.status == 2
    assert message in result.errors
    assert "--overwrite" not in result.errors


def test_labels_that_are_all_void_are_an_error(
    command, run_with_void, folder_with_void, tmp_path
):
    data = tmp_path / "data"
    shutil.copytree(folder_with_void, data)
    for file in (data / "valannot").iterdir():
        Image.new("L", (48, 48), 7).save(file)
    arguments = ["evaluate", run_with_void, "--data", data]
    result = command(*arguments, "--output", tmp_path / "out")
    assert result.status == 1
    assert "all pixels of the 2 images are void" in result.errors
    assert not (tmp_path / "out").exists()


def evaluated(command, output, model, *arguments):
    result = command("evaluate", model, *arguments, "--output", output)
    assert result.status == 0, result.errors
    return json.loads((output / "evaluation.json").read_text())


@pytest.fixture(scope="module")
def scores_with_void(command, run_with_void, tmp_path_factory):
    return evaluated(command, tmp_path_factory.mktemp("void"), run_with_void)


@pytest.mark.parametrize(
    "artefact",
    [
        "",
        pytest.param("model_float32.tflite", marks=pytest.mark.slow),
        pytest.param("model.onnx", marks=pytest.mark.slow),
    ],
)
def test_artefact_alone_knows_what_its_data_ignores_and_its_classes(
    command, request, folder_with_void, scores_with_void, tmp_path, artefact
):
    exported = request.getfixturevalue("exported_files" if artefact else "exported")
    lonely = tmp_path / "elsewhere" / artefact
    if artefact:
        lonely.parent.mkdir()
        shutil.copy(exported / artefact, lonely)
    else:
        shutil.copytree(exported, lonely)
    arguments = [lonely, "--data", folder_with_void]
    scores = evaluated(command, tmp_path / "out", *arguments)
    assert scores["pixels"] == 2 * 43 * 48  # the first five rows are void
    assert scores["mean_iou"] == pytest.approx(scores_with_void["mean_iou"], abs=1e-3)
    assert list(scores["iou"]) == list(scores_with_void["iou"])
    assert "water" in scores["iou"]


def test_saved_model_holds_no_path_of_the_data(exported, folder_with_void):
    card = (exported / "assets" / "model.json").read_text()
    assert json.loads(card)["recipe"]["data"] == {"reader": "folder", "ignore": [7]}
    for name in ("saved_model.pb", "report.json"):
        assert str(folder_with_void).encode() not in (exported / name).read_bytes()


@pytest.mark.slow
def test_files_hold_no_path_of_the_data(exported_files, folder_with_void):
    for name in ("model_float32.tflite", "model.onnx", "report.json"):
        found = (exported_files / name).read_bytes()
        assert str(folder_with_void).encode() not in found


def test_ignored_labels_can_be_others(command, finished_run, folder, tmp_path):
    # Grass, the class 0, is void here, so the labels of other classes are as before.
    arguments = ["--data", folder, "--ignore", 0]
    found = command("evaluate", finished_run, *arguments, "--output", tmp_path)
    assert found.status == 0, found.errors
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert result["pixels_of_class"]["grass"] == 0
    assert result["accuracy"]["grass"] is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("camvid_resek", "There is no model `camvid_resek`.*Did you mean"),
        ("{folder}", "holds no saved_model.pb"),
        ("{folder}/classes.txt", "ends in .keras, .tflite or .onnx"),
    ],
)
def test_what_is_no_model_is_refused(command, folder, name, message):
    result = command("evaluate", name.format(folder=folder), "--data", folder)
    assert result.status == 2
    assert re.search(message, result.errors)
    assert result.errors.count("\n") == 1


@pytest.fixture(scope="module")
def film(folder, tmp_path_factory):
    """Ten frames of the validation split, each of its own grey, with one label map."""
    root = tmp_path_factory.mktemp("film") / "data"
    shutil.copytree(folder, root)
    for split in ("train", "val"):
        labels = (root / f"{split}annot" / "0.png").read_bytes()
        for file in (*(root / split).iterdir(), *(root / f"{split}annot").iterdir()):
            file.unlink()
        for number in range(10):
            image = Image.new("RGB", (48, 48), (20 * number,) * 3)
            image.save(root / split / f"{number}.png")
            (root / f"{split}annot" / f"{number}.png").write_bytes(labels)
    return root


@pytest.fixture
def drawn(monkeypatch):
    """The greys of the samples that are drawn, and how many images were answered."""
    from tfrecvis.tools.tasks.segmentation import Segmentation

    seen = []

    def compare(self, batches, answers, path):
        assert all(len(given) == len(batches) for given in answers.values())
        seen.extend(int(batch["image"].mean()) for batch in batches)

    monkeypatch.setattr(Segmentation, "compare", compare)
    return seen


def test_drawn_samples_are_spaced_over_the_split(
    command, finished_run, film, tmp_path, drawn
):
    evaluated(command, tmp_path, finished_run, "--data", film)
    assert drawn == [0, 40, 100, 140]  # 0, 2, 5 and 7 of 10 frames


@pytest.mark.slow
def test_samples_of_a_training_are_spaced_and_the_only_ones_answered(
    command, recipe, film, tmp_path, drawn, monkeypatch
):
    from tfrecvis.tools.runs import training

    answered = []

    def answer(task, predictor, batch, scale):
        answered.append(int(batch["image"].mean()))
        return {}

    monkeypatch.setattr(training, "answer", answer)
    settings = ["data.reader=folder", "training.epochs=1", "training.steps=1"]
    words = [word for setting in settings for word in ("--set", setting)]
    arguments = ["--data", film, *words, "--output", tmp_path / "run"]
    lines = recipe.read_text().splitlines()
    own = ("size =", "train_count", "val_count")
    text = "\n".join(line for line in lines if not line.startswith(own))
    (tmp_path / "recipe.toml").write_text(text)
    result = command("train", tmp_path / "recipe.toml", *arguments)
    assert result.status == 0, result.errors
    assert drawn == answered == [0, 40, 100, 140]


def test_keys_that_a_trained_model_does_not_heed_are_refused(command, finished_run):
    for setting in ("model.units=3", "training.steps=3"):
        result = command("evaluate", finished_run, "--set", setting)
        assert result.status == 2
        assert f"--set {setting}: the model is trained" in result.errors
