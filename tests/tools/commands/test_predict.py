import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def images(folder, tmp_path_factory):
    """A folder with an image, one of another size below it, and a broken one."""
    root = tmp_path_factory.mktemp("images")
    image = Image.open(folder / "val" / "0.png")
    image.save(root / "scene.png")
    (root / "below").mkdir()
    image.resize((70, 53)).save(root / "below" / "large.jpg")
    (root / "broken.jpg").write_bytes(b"no image")
    return root


@pytest.fixture(scope="module")
def predicted(command, finished_run, images, tmp_path_factory):
    output = tmp_path_factory.mktemp("predicted")
    return output, command("predict", finished_run, images, "--output", output)


def test_broken_image_is_named_and_counted_and_the_others_are_done(predicted):
    output, result = predicted
    assert result.status == 1
    assert "broken.jpg: cannot be decoded" in result.errors
    assert "2 images labelled, 1 could not be read" in result.output
    assert sorted(str(path.relative_to(output)) for path in output.rglob("*.png")) == [
        "below/large_labels.png",
        "below/large_overlay.png",
        "scene_labels.png",
        "scene_overlay.png",
    ]


def test_label_map_is_a_palette_picture_whose_indices_are_classes(
    predicted, finished_run, images
):
    import keras

    import tfrecvis.models  # noqa: F401

    picture = Image.open(predicted[0] / "scene_labels.png")
    assert picture.mode == "P"
    model = keras.models.load_model(finished_run / "model.keras")
    image = np.asarray(Image.open(images / "scene.png"))
    expected = np.argmax(model(image[None]), axis=-1)[0]
    np.testing.assert_array_equal(np.asarray(picture), expected)
    colours = json.loads((finished_run / "model.json").read_text())["colours"]
    label = expected[5, 7]
    assert list(picture.convert("RGB").getpixel((7, 5))) == colours[label]


def test_label_map_has_the_size_of_its_image(predicted):
    assert Image.open(predicted[0] / "below" / "large_labels.png").size == (70, 53)


def test_overlay_has_a_legend_below_the_picture(predicted):
    overlay = np.asarray(Image.open(predicted[0] / "scene_overlay.png"))
    factor = overlay.shape[1] // 48
    legend = overlay[48 * factor :]
    assert legend.shape[0] > 20
    assert (legend == 255).all(axis=-1).any(), "white paper"
    assert (legend < 60).all(axis=-1).any(), "black letters"


def test_outputs_are_not_overwritten_unless_told(
    command, finished_run, images, predicted
):
    output = predicted[0]
    arguments = ["predict", finished_run, images / "scene.png", "--output", output]
    before = (output / "scene_overlay.png").stat().st_mtime_ns
    result = command(*arguments)
    assert result.status == 2
    assert "2 of the outputs exist" in result.errors
    assert "--overwrite" in result.errors
    assert (output / "scene_overlay.png").stat().st_mtime_ns == before
    assert command(*arguments, "--overwrite").status == 0
    assert (output / "scene_overlay.png").stat().st_mtime_ns != before


def test_two_images_of_one_name_are_refused(command, finished_run, images, tmp_path):
    image = Image.open(images / "scene.png")
    image.save(tmp_path / "scene.jpg")
    result = command(
        "predict",
        finished_run,
        images / "scene.png",
        tmp_path / "scene.jpg",
        "--output",
        tmp_path / "out",
    )
    assert result.status == 2
    assert "would both be written" in result.errors


def test_missing_input_and_empty_folder_are_refused(command, finished_run, tmp_path):
    output = tmp_path / "out"
    arguments = ["predict", finished_run, "--output", output]
    missing = command(*arguments, tmp_path / "nowhere.jpg")
    assert missing.status == 2
    assert "no image or folder at" in missing.errors
    (tmp_path / "empty").mkdir()
    empty = command(*arguments, tmp_path / "empty")
    assert empty.status == 2
    assert "holds no image" in empty.errors
