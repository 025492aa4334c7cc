"""Clips through the commands."""

import json

import numpy as np
import pytest
from PIL import Image

from tfrecvis.tools.runs.recipe import read_recipe
from tfrecvis.tools.tasks.clips import Clips
from tfrecvis.tools.video import video_writer

RECIPE = """\
task = "clips"
[model]
backbone_filters = [4]
backbone_blocks = [0]
feature_units = 8
units = 4
[data]
reader = "synthetic"
frames = 4
size = 16
train_count = 12
val_count = 9
[training]
epochs = 1
batch_size = 6
learning_rate = 1e-2
jit_compile = false
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "recipe.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def trained(command, recipe):
    result = command("train", recipe, "--output", recipe.parent / "run")
    assert result.status == 0, result.errors
    assert "12 clips to train on, 9 to validate on" in result.output
    return recipe.parent / "run"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder with a video, two folders of frames and a broken video."""
    folder = tmp_path_factory.mktemp("inputs")
    frames = np.random.default_rng(0).integers(0, 256, (9, 24, 32, 3), "uint8")
    with video_writer(folder / "video.mp4", 25) as write:
        for frame in frames:
            write(frame)
    for name in ("walk", "walk/on"):
        (folder / name).mkdir()
        for number, frame in enumerate(frames[:3]):
            Image.fromarray(frame).save(folder / name / f"{number}.png")
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


def test_run_and_evaluation_reach_the_same_score(command, trained, tmp_path):
    result = command("evaluate", trained, "--output", tmp_path)
    assert result.status == 0, result.errors
    assert "9 clips of the split val" in result.output
    found = json.loads((tmp_path / "evaluation.json").read_text())["accuracy"]
    assert found == json.loads((trained / "score.json").read_text())["accuracy"]
    assert found in [number / 9 for number in range(10)]


def test_predict_names_videos_and_folders_of_frames(command, trained, inputs, tmp_path):
    result = command("predict", trained, inputs, "--output", tmp_path)
    assert result.status == 1
    assert "3 files answered, 1 could not be read" in result.output
    assert "broken.mp4: cannot be opened" in result.errors
    for name in ("video", "walk", "walk/on"):
        answer = json.loads((tmp_path / f"{name}_answer.json").read_text())
        assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert answer["labels"] == np.argmax(answer["probabilities"])
    again = command("predict", trained, inputs / "walk", "--output", tmp_path)
    assert again.status == 2 and "--overwrite" in again.errors


def test_frames_of_a_folder_do_not_become_a_video(command, trained, inputs, tmp_path):
    arguments = ["--video", "5", "--output", tmp_path]
    result = command("predict", trained, inputs / "walk", *arguments)
    assert result.status == 2
    assert "does not answer videos as --video does" in result.errors


def test_long_clip_is_seen_in_evenly_spaced_frames_of_the_models_size(recipe, tmp_path):
    for number in range(10):
        image = np.full((20, 30, 3), 10 * number, "uint8")
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    task = Clips(read_recipe(recipe), {"image_size": [16, 12], "frames": 4})
    clip = task.read_input(tmp_path)["clip"]
    assert clip.shape == (1, 4, 16, 12, 3)
    assert clip[0, :, 0, 0, 0].tolist() == [0, 20, 50, 70]


def test_short_clip_is_filled_up(recipe, tmp_path):
    for number in range(3):
        image = np.full((20, 30, 3), 10 * number + 10, "uint8")
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    task = Clips(read_recipe(recipe), {"image_size": [16, 12], "frames": 4})
    clip = task.read_input(tmp_path)["clip"]
    assert clip[0, :, 0, 0, 0].tolist() == [10, 20, 30, 0]


def test_what_is_no_clip_is_named(recipe, tmp_path):
    task = Clips(read_recipe(recipe), {"image_size": [16, 12], "frames": 4})
    (tmp_path / "1.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"^1\.png: "):
        task.read_input(tmp_path)
    with pytest.raises(ValueError, match="a clip is a video or a folder"):
        task.read_input(tmp_path / "1.png")


def test_each_frame_is_trained_but_padding():
    clips = np.ones((2, 3, 4, 4, 3), "uint8")
    clips[1, 2] = 0
    batch = {"clip": clips, "class": np.array([4, 5], "int32")}
    _, targets, weights = Clips.example(None, batch)
    assert targets.numpy().tolist() == [[4, 4, 4], [5, 5, 5]]
    assert weights.numpy().tolist() == [[1, 1, 1], [1, 1, 0]]


@pytest.mark.slow
def test_twin_is_trained_and_the_export_answers_alike(
    command, recipe, inputs, tmp_path
):
    arguments = ["--set", "model.recurrence=none", "--output", tmp_path / "run"]
    result = command("train", recipe, *arguments)
    assert result.status == 0, result.errors
    arguments = ["--output", tmp_path / "e", "--formats", "saved_model"]
    result = command("export", tmp_path / "run", *arguments)
    assert result.status == 0, result.errors
    answers = []
    for model in (tmp_path / "run", tmp_path / "e" / "1"):
        output = tmp_path / f"answers{len(answers)}"
        result = command("predict", model, inputs / "video.mp4", "--output", output)
        assert result.status == 0, result.errors
        answers.append(json.loads((output / "video_answer.json").read_text()))
    one, other = answers
    assert one["labels"] == other["labels"]
    assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)
