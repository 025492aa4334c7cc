"""Detection through the commands, with boxes and with masks."""

import json

import numpy as np
import pytest
from PIL import Image
from voc_images import RECIPE, write_voc_images


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("voc")
    write_voc_images(root)
    return root


@pytest.fixture(scope="module")
def trained(command, folder, tmp_path_factory):
    directory = tmp_path_factory.mktemp("detection")
    (directory / "recipe.toml").write_text(RECIPE)
    arguments = ["--data", folder, "--output", directory / "run"]
    result = command("train", directory / "recipe.toml", *arguments)
    assert result.status == 0, result.errors
    return directory / "run"


def test_run_keeps_its_scores_and_draws_truth_beside_answers(trained):
    score = json.loads((trained / "score.json").read_text())
    assert 0 <= score["ap"] <= score["ap50"] <= 1
    assert (trained / "samples.png").is_file()


def test_evaluate_scores_each_class(command, trained, tmp_path):
    result = command("evaluate", trained, "--output", tmp_path)
    assert result.status == 0, result.errors
    written = json.loads((tmp_path / "evaluation.json").read_text())
    assert written["objects"] == 4
    assert set(written["class_ap"]) == {"disc", "bar"}
    trained_score = json.loads((trained / "score.json").read_text())
    assert written["ap"] == pytest.approx(trained_score["ap"], abs=1e-6)


def test_predict_answers_in_pixels_of_the_photo(command, trained, folder, tmp_path):
    photo = folder / "JPEGImages" / "1.png"
    result = command("predict", trained, photo, "--output", tmp_path)
    assert result.status == 0, result.errors
    assert Image.open(tmp_path / "1_boxes.png").width >= 128
    found = json.loads((tmp_path / "1_boxes.json").read_text())
    right = max((e["bbox"][0] + e["bbox"][2] for e in found), default=128)
    assert 64 < right <= 128  # the model saw 64 pixels
    assert all(entry["category"] in ("disc", "bar") for entry in found)


@pytest.mark.slow
def test_folder_of_frames_and_a_video_file_become_videos(
    command, trained, folder, tmp_path
):
    frames = folder / "JPEGImages"
    result = command("predict", trained, frames, "--output", tmp_path, "--video", "5")
    assert result.status == 0, result.errors
    assert "4 frames at 5 per second" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "JPEGImages.json",
        "JPEGImages.mp4",
    ]
    listed = json.loads((tmp_path / "JPEGImages.json").read_text())
    numbers = {entry["image_id"] for entry in listed}
    assert numbers <= {0, 1, 2, 3}
    again = tmp_path / "again"
    result = command("predict", trained, tmp_path / "JPEGImages.mp4", "--output", again)
    assert result.status == 0, result.errors
    assert "4 frames at 5 per second" in result.output
    result = command("predict", trained, tmp_path / "JPEGImages.mp4", "--output", again)
    assert result.status == 2 and "Pass --overwrite" in result.errors


def test_broken_video_and_wrong_rate_are_named(command, trained, folder, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    result = command(
        "predict", trained, tmp_path / "a.mp4", "--output", tmp_path / "out"
    )
    assert result.status == 1
    assert "a.mp4:" in result.errors and "left out" in result.errors
    arguments = ["--output", tmp_path / "out", "--video"]
    result = command("predict", trained, folder, *arguments, "0")
    assert result.status == 2 and "frames per second, above 0" in result.errors
    result = command("predict", trained, tmp_path / "a.mp4", *arguments, "5")
    assert result.status == 2 and "no folder is named" in result.errors


@pytest.mark.slow
def test_every_artefact_gives_the_same_detections(command, trained, folder, tmp_path):
    examples = folder / "JPEGImages" / "1.png"
    result = command("export", trained, "--output", tmp_path, "--examples", examples)
    assert result.status == 0, result.errors
    report = json.loads((tmp_path / "1" / "report.json").read_text())
    assert set(report["artefacts"]) == {
        "saved_model",
        "litert_float32",
        "litert_float16",
        "litert_int8",
        "onnx",
    }
    result = command(
        "predict", tmp_path / "1" / "model.onnx", examples, "--output", tmp_path / "p"
    )
    assert result.status == 0, result.errors
    assert (tmp_path / "p" / "1_boxes.json").is_file()


FIXED_RECIPE = RECIPE.replace(
    RECIPE[RECIPE.index("[model]") : RECIPE.index("[data]")],
    """[model]
class = "YOLO"
grid = 3
input_shape = [48, 64, 3]
head_units = 8
score_threshold = 0.0
backbone_filters = [6, 8, 8]
backbone_blocks = [0, 0, 0]
""",
)


def test_images_of_another_size_than_the_detector_takes_are_refused(
    command, folder, tmp_path
):
    for old, new, what in (
        ("input_shape = [48", "input_shape = [32", "train on have 48x64"),
        ("image_size = [48", "image_size = [56", "validate on have 56x64"),
    ):
        (tmp_path / "recipe.toml").write_text(FIXED_RECIPE.replace(old, new))
        arguments = ["--data", folder, "--output", tmp_path / "run"]
        result = command("train", tmp_path / "recipe.toml", *arguments)
        assert result.status == 2
        assert what in result.errors and "model.input_shape" in result.errors
    sizes = FIXED_RECIPE.replace("[augmentation]", "[augmentation]\nsizes = [[32, 32]]")
    (tmp_path / "recipe.toml").write_text(sizes)
    result = command("train", tmp_path / "recipe.toml", *arguments)
    assert result.status == 2
    assert "leave augmentation.sizes out" in result.errors


@pytest.mark.slow
def test_detector_of_one_size_answers_photos_of_any_size(command, folder, tmp_path):
    (tmp_path / "recipe.toml").write_text(FIXED_RECIPE)
    run, photo = tmp_path / "run", folder / "JPEGImages" / "1.png"
    result = command(
        "train", tmp_path / "recipe.toml", "--data", folder, "--output", run
    )
    assert result.status == 0, result.errors
    result = command("predict", run, photo, "--output", tmp_path / "answers")
    assert result.status == 0, result.errors
    found = json.loads((tmp_path / "answers" / "1_boxes.json").read_text())
    right = max(e["bbox"][0] + e["bbox"][2] for e in found)
    assert 64 < right <= 128  # the photo has 128 pixels, the model saw 64
    result = command("predict", run, photo, "--native", "--output", tmp_path / "other")
    assert result.status == 2
    assert "takes images of 48x64 pixels and no others" in result.errors
    result = command("export", run, "--output", tmp_path / "e", "--examples", photo)
    assert result.status == 0, result.errors


MASK_RECIPE = """\
task = "detection"
[model]
class = "MaskRCNN"
units = 4
anchor_sizes = [16, 32]
anchor_ratios = [1.0]
neck_filters = 8
mask_filters = 4
head_units = 8
max_proposals = 12
max_detections = 5
backbone_filters = [6, 8, 8]
backbone_blocks = [0, 0, 0]
[data]
reader = "instance_masks"
class_names = ["disc"]
[augmentation]
crop_size = [32, 48]
flip = true
[training]
epochs = 1
batch_size = 2
jit_compile = false
"""


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    """Three images of 40x56 pixels; the last has no instance."""
    root = tmp_path_factory.mktemp("masks")
    entries = []
    for number, count in enumerate((1, 2, 0)):
        numbers = np.zeros((40, 56), "uint16")
        for instance in range(count):
            numbers[8:24, 6 + 24 * instance : 22 + 24 * instance] = instance + 1
        pixels = np.where(numbers[..., None] > 0, 220, 30).repeat(3, -1)
        for folder, picture in (("images", pixels.astype("uint8")), ("masks", numbers)):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(picture).save(root / folder / f"{number}.png")
        entries += [{"id": str(number), "split": "train"}]
    (root / "index.json").write_text(json.dumps(entries))
    return root


@pytest.fixture(scope="module")
def trained_masks(command, masks, tmp_path_factory):
    directory = tmp_path_factory.mktemp("detection_masks")
    recipe = MASK_RECIPE.replace(
        "[augmentation]", 'val_split = "train"\n[augmentation]'
    )
    (directory / "recipe.toml").write_text(recipe)
    arguments = ["--data", masks, "--output", directory / "run"]
    result = command("train", directory / "recipe.toml", *arguments)
    assert result.status == 0, result.errors
    return directory / "run"


@pytest.mark.slow
def test_masks_are_trained_scored_and_drawn(command, trained_masks, masks, tmp_path):
    logged = (trained_masks / "metrics.csv").read_text().splitlines()[0].split(",")
    terms = {"objects", "anchor_boxes", "region_classes", "region_boxes", "masks"}
    assert terms <= set(logged)
    card = json.loads((trained_masks / "model.json").read_text())
    assert card["model"] == "MaskRCNN"
    result = command("evaluate", trained_masks, "--output", tmp_path / "scores")
    assert result.status == 0, result.errors
    assert "Data Science Bowl 2018" in result.output
    written = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    assert {"ap", "ap50", "box_ap", "challenge"} <= set(written)
    assert written["objects"] == 3
    photo = masks / "images" / "1.png"
    result = command("predict", trained_masks, photo, "--output", tmp_path / "p")
    assert result.status == 0, result.errors
    for entry in json.loads((tmp_path / "p" / "1_boxes.json").read_text()):
        assert entry["segmentation"]["size"] == [40, 56]


def test_reader_without_masks_is_refused(command, folder, tmp_path):
    recipe = MASK_RECIPE.replace("instance_masks", "voc")
    (tmp_path / "recipe.toml").write_text(recipe.replace('["disc"]', '["disc", "bar"]'))
    arguments = ["--data", folder, "--output", tmp_path / "run"]
    result = command("train", tmp_path / "recipe.toml", *arguments)
    assert result.status == 2
    assert "MaskRCNN needs masks to be trained" in result.errors
    assert "FasterRCNN as model.class" in result.errors


def test_unknown_detector_names_the_nearest(command, folder, tmp_path):
    (tmp_path / "recipe.toml").write_text(
        RECIPE.replace("[model]", '[model]\nclass = "FastRCN"')
    )
    arguments = ["--data", folder, "--output", tmp_path / "run"]
    result = command("train", tmp_path / "recipe.toml", *arguments)
    assert result.status == 2
    assert "model.class must be one of" in result.errors
    assert "FasterRCNN" in result.errors


SMALL_HEADS = {
    "ReInspect": "lstm_units = 8\nbox_size = 20.0",
    "OverFeat": "scales = [0.5, 1.0]",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL_HEADS)
def test_detectors_with_a_trainer_go_through_every_command(
    command, folder, tmp_path, name
):
    heads = f'[model]\nclass = "{name}"\n{SMALL_HEADS[name]}'
    recipe = RECIPE.replace("[model]", heads)
    for line in ("num_priors = 2\n", "passthrough = 4\n"):
        recipe = recipe.replace(line, "")
    (tmp_path / "recipe.toml").write_text(recipe)
    run, exported = tmp_path / "run", tmp_path / "exported"
    arguments = ["--data", folder, "--output", run]
    result = command("train", tmp_path / "recipe.toml", *arguments)
    assert result.status == 0, result.errors
    photo = folder / "JPEGImages" / "1.png"
    result = command("export", run, "--output", exported, "--examples", photo)
    assert result.status == 0, result.errors
    artefacts = json.loads((exported / "1" / "report.json").read_text())["artefacts"]
    assert len(artefacts) == (5 if name == "ReInspect" else 3)
    result = command("predict", exported / "1", photo, "--output", tmp_path / "p")
    assert result.status == 0, result.errors
    assert Image.open(tmp_path / "p" / "1_boxes.png").width >= 128
