"""Detection through the commands, with boxes and with masks."""

import json
import sys

import keras
import numpy as np
import pytest
from PIL import Image

RECIPE = """\
task = "detection"
[model]
units = 4
num_priors = 2
head_filters = 8
passthrough = 4
backbone_filters = [6, 8, 8, 8]
backbone_blocks = [0, 0, 0, 0]
[data]
reader = "voc"
class_names = ["disc", "bar"]
image_size = [48, 64]
[augmentation]
crop_size = [48, 64]
flip = true
[training]
epochs = 1
batch_size = 2
jit_compile = false
"""
BOX = """<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>
<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four images of 96x128 pixels; the last has no object."""
    root = tmp_path_factory.mktemp("voc")
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    boxes = [
        [("disc", 11, 21, 40, 50)],
        [("bar", 61, 31, 120, 44), ("disc", 1, 1, 30, 30)],
        [("bar", 5, 5, 100, 20)],
        [],
    ]
    for number, found in enumerate(boxes):
        pixels = np.full((96, 128, 3), 30, "uint8")
        for _, x0, y0, x1, y1 in found:
            pixels[y0 - 1 : y1, x0 - 1 : x1] = 220
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{number}.png")
        objects = "".join(BOX.format(*box) for box in found)
        text = f"<annotation>{objects}</annotation>"
        (root / "Annotations" / f"{number}.xml").write_text(text)
    for split in ("train", "val"):
        file = root / "ImageSets" / "Main" / f"{split}.txt"
        file.write_text("0\n1\n2\n3\n")
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


REGION_RECIPE = """\
task = "detection"
[model]
class = "FastRCNN"
units = 4
head_units = 8
max_detections = 5
score_threshold = 0.0
backbone_filters = [6, 8]
backbone_blocks = [0, 0]
[regions]
num_regions = 30
min_size = 6
[data]
reader = "voc"
class_names = ["disc", "bar"]
image_size = [48, 64]
[augmentation]
crop_size = [48, 64]
flip = true
[training]
epochs = 1
batch_size = 2
jit_compile = false
"""


def train_of_regions(command, folder, directory, recipe=REGION_RECIPE):
    (directory / "recipe.toml").write_text(recipe)
    arguments = ["--data", folder, "--output", directory / "run"]
    return command("train", directory / "recipe.toml", *arguments)


@pytest.fixture(scope="module")
def trained_regions(command, folder, tmp_path_factory):
    directory = tmp_path_factory.mktemp("detection_regions")
    result = train_of_regions(command, folder, directory)
    assert result.status == 0, result.errors
    return directory / "run"


def test_regions_are_searched_by_every_command(
    command, trained_regions, folder, tmp_path
):
    logged = (trained_regions / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"region_classes", "region_boxes"} <= set(logged)
    result = command("evaluate", trained_regions, "--output", tmp_path / "scores")
    assert result.status == 0, result.errors
    written = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    trained_score = json.loads((trained_regions / "score.json").read_text())
    assert written["ap"] == pytest.approx(trained_score["ap"], abs=1e-6)
    photo = folder / "JPEGImages" / "1.png"
    result = command("predict", trained_regions, photo, "--output", tmp_path / "p")
    assert result.status == 0, result.errors
    found = json.loads((tmp_path / "p" / "1_boxes.json").read_text())
    assert found
    # Regions of the resized photo, answers in the photo's own pixels.
    assert 64 < max(e["bbox"][0] + e["bbox"][2] for e in found) <= 128


def test_missing_opencv_is_named_by_predict(
    command, trained_regions, folder, tmp_path, monkeypatch
):
    from tfrecvis.data import selective_search

    monkeypatch.setitem(sys.modules, "cv2", None)
    module = sys.modules[selective_search.__module__]
    monkeypatch.setattr(module, "_FOUND", {})
    photo = folder / "JPEGImages" / "1.png"
    result = command("predict", trained_regions, photo, "--output", tmp_path / "p")
    assert result.status == 2
    assert "opencv-contrib-python-headless" in result.errors


def test_regions_of_a_detector_that_takes_none_are_refused(command, folder, tmp_path):
    recipe = RECIPE.replace("[data]", "[regions]\nnum_regions = 9\n[data]")
    result = train_of_regions(command, folder, tmp_path, recipe)
    assert result.status == 2
    assert "YOLOv2 takes no regions: remove [regions]" in result.errors
    recipe = REGION_RECIPE.replace("num_regions = 30", "num_regions = 0")
    result = train_of_regions(command, folder, tmp_path, recipe)
    assert result.status == 2 and "[regions] is wrong: `num_regions`" in result.errors


@pytest.mark.slow
def test_support_vector_machines_follow_the_training(command, folder, tmp_path):
    recipe = REGION_RECIPE.replace("FastRCNN", "RCNN")
    recipe = recipe.replace("units = 4\n", "crop_size = 16\n", 1)
    result = train_of_regions(command, folder, tmp_path, recipe)
    assert result.status == 0, result.errors
    score = json.loads((tmp_path / "run" / "score.json").read_text())
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    # The ridge regression alone makes anything of this layer.
    assert np.abs(model.get_layer("box_deltas").kernel).max() > 0
    result = command("evaluate", tmp_path / "run", "--output", tmp_path / "scores")
    assert result.status == 0, result.errors
    written = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    assert written["ap"] == pytest.approx(score["ap"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["FastRCNN", "RCNN"])
def test_every_artefact_takes_images_and_regions(
    command, trained_regions, folder, tmp_path, name
):
    run, photo = trained_regions, folder / "JPEGImages" / "1.png"
    if name == "RCNN":
        recipe = REGION_RECIPE.replace("FastRCNN", "RCNN")
        recipe = recipe.replace("units = 4\n", "crop_size = 16\n", 1)
        assert train_of_regions(command, folder, tmp_path, recipe).status == 0
        run = tmp_path / "run"
    output = tmp_path / "exported"
    result = command("export", run, "--output", output, "--examples", photo)
    assert result.status == 0, result.errors
    report = json.loads((output / "1" / "report.json").read_text())
    assert set(report["artefacts"]) == {"saved_model", "litert_float32", "onnx"}
    for file in ("model.onnx", "model_float32.tflite", ""):
        answers = tmp_path / f"answers{file}"
        result = command("predict", output / "1" / file, photo, "--output", answers)
        assert result.status == 0, result.errors
        assert (answers / "1_boxes.json").is_file()


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
