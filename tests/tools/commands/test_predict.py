import json
import re

import numpy as np
import pytest
from PIL import Image

from tfrecvis.tools.photos import TakesPhotos


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


@pytest.fixture(scope="module")
def labels_of(finished_run):
    """A function that gives the labels of the Keras model for an image."""
    import keras

    model = keras.models.load_model(finished_run / "model.keras")
    return lambda image: np.argmax(model(np.asarray(image)[None]), axis=-1)[0]


def written(path):
    return np.asarray(Image.open(path))


def test_broken_image_is_named_in_one_short_line_and_the_others_are_done(predicted):
    output, result = predicted
    assert result.status == 1
    (line,) = result.errors.splitlines()
    assert re.search(r"broken\.jpg: cannot be decoded \(.*\); left out$", line)
    assert len(line) < 200 and "DecodeImage" not in line and "{{" not in line
    assert "2 files answered, 1 could not be read" in result.output
    assert sorted(str(path.relative_to(output)) for path in output.rglob("*.*")) == [
        "below/large_labels.png",
        "below/large_overlay.png",
        "scene_labels.png",
        "scene_overlay.png",
    ]


def test_label_map_is_a_palette_picture_whose_indices_are_classes(
    predicted, finished_run, images, labels_of
):
    picture = Image.open(predicted[0] / "scene_labels.png")
    assert picture.mode == "P"
    expected = labels_of(Image.open(images / "scene.png"))
    np.testing.assert_array_equal(np.asarray(picture), expected)
    colours = json.loads((finished_run / "model.json").read_text())["colours"]
    label = expected[5, 7]
    assert list(picture.convert("RGB").getpixel((7, 5))) == colours[label]


def test_label_map_has_the_size_of_its_image(predicted):
    assert Image.open(predicted[0] / "below" / "large_labels.png").size == (70, 53)


def test_overlay_has_a_legend_below_the_picture(predicted):
    overlay = written(predicted[0] / "scene_overlay.png")
    factor = overlay.shape[1] // 48
    legend = overlay[48 * factor :]
    assert legend.shape[0] > 20
    assert (legend == 255).all(axis=-1).any(), "white paper"
    assert (legend < 60).all(axis=-1).any(), "black letters"


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ([], (48, 48)),  # that of the training, which the card names
        (["--native"], (192, 192)),
        (["--image-size", "24", "96"], (48, 48)),  # as many pixels, not distorted
        (["--image-size", "96", "96"], (96, 96)),
        (["--image-size", "1", "1"], (1, 1)),
    ],
)
def test_large_photo_is_brought_to_the_scale_and_its_labels_back(
    command, finished_run, folder, labels_of, tmp_path, arguments, size
):
    photo = Image.open(folder / "val" / "1.png").resize((192, 192), Image.BICUBIC)
    photo.save(tmp_path / "photo.png")
    inputs = [finished_run, tmp_path / "photo.png"]
    result = command("predict", *inputs, "--output", tmp_path / "out", *arguments)
    assert result.status == 0, result.errors
    labels = labels_of(photo.resize(size, Image.BILINEAR))
    factor = 192 // size[0]
    np.testing.assert_array_equal(
        written(tmp_path / "out" / "photo_labels.png"),
        labels.repeat(factor, axis=0).repeat(factor, axis=1),
    )


def test_size_and_native_exclude_each_other(command, finished_run, images):
    arguments = ["predict", finished_run, images, "--output", "out", "--native"]
    result = command(*arguments, "--image-size", 3, 4)
    assert result.status == 2
    assert "--native and --image-size exclude each other" in result.errors


def test_folder_gives_images_of_all_kinds_and_of_one_name(
    command, finished_run, folder, tmp_path
):
    image = Image.open(folder / "val" / "0.png").convert("RGB")
    kinds = ["webp", "bmp", "tif", "gif", "jpg", "png"]
    (tmp_path / "in").mkdir()
    for kind in kinds:
        image.save(tmp_path / "in" / f"scene.{kind}")
    image.save(tmp_path / "in" / "other.tiff")
    output = tmp_path / "out"
    result = command("predict", finished_run, tmp_path / "in", "--output", output)
    assert result.status == 0, result.errors
    assert "7 files answered" in result.output
    labels = {path.name for path in output.glob("*_labels.png")}
    named = {f"scene_{kind}_labels.png" for kind in kinds}
    assert labels == {*named, "other_labels.png"}
    np.testing.assert_array_equal(
        written(output / "scene_bmp_labels.png"),
        written(output / "scene_tif_labels.png"),
    )


def test_photo_is_turned_as_its_exif_orientation_says(
    command, finished_run, folder, tmp_path
):
    image = Image.open(folder / "val" / "0.png").convert("RGB").crop((0, 0, 48, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    turned = tmp_path / "turned.jpg"
    image.rotate(90, expand=True).save(turned, exif=exif, quality=100, subsampling=0)
    pixels = TakesPhotos().read_input(turned)["image"][0].astype(int)
    # Decoders round differently.
    assert np.abs(pixels - np.asarray(image)).mean() < 4
    result = command("predict", finished_run, turned, "--output", tmp_path / "out")
    assert result.status == 0, result.errors
    assert written(tmp_path / "out" / "turned_labels.png").shape == (30, 48)


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


def test_missing_input_and_empty_folder_are_refused(command, finished_run, tmp_path):
    output = tmp_path / "out"
    arguments = ["predict", finished_run, "--output", output]
    missing = command(*arguments, tmp_path / "nowhere.jpg")
    assert missing.status == 2
    assert "no file or folder at" in missing.errors
    (tmp_path / "empty").mkdir()
    empty = command(*arguments, tmp_path / "empty")
    assert empty.status == 2
    assert "holds no image" in empty.errors


def test_full_disk_is_one_line_and_leaves_no_part_of_a_file(
    command, finished_run, images, tmp_path, full_disk
):
    files = [images / "scene.png"]
    full_disk("PIL.ImageFile", "_save")
    result = command("predict", finished_run, *files, "--output", tmp_path / "out")
    assert result.status == 1
    assert re.fullmatch(
        r"tfrecvis: error: .*out/scene_\w+\.png: No space left on device\.\n",
        result.errors,
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_output_that_cannot_be_made_is_one_line(command, finished_run, images):
    # No user may make a folder in /proc, not even root.
    arguments = ["predict", finished_run, images / "scene.png", "--output"]
    result = command(*arguments, "/proc/there/out")
    assert result.status in (1, 2)
    assert re.fullmatch(r"tfrecvis: error: .*/proc/there.*\n", result.errors)


@pytest.mark.parametrize(
    "artefact",
    [
        "",
        pytest.param("model_float32.tflite", marks=pytest.mark.slow),
        pytest.param("model.onnx", marks=pytest.mark.slow),
    ],
)
def test_artefact_predicts_with_the_names_and_colours_of_the_model(
    command, request, predicted, images, tmp_path, artefact
):
    exported = request.getfixturevalue("exported_files" if artefact else "exported")
    files = images / "scene.png", images / "below" / "large.jpg"
    result = command("predict", exported / artefact, *files, "--output", tmp_path)
    assert result.status == 0, result.errors
    for name in ("scene_labels.png", "scene_overlay.png"):
        one, other = (
            np.asarray(Image.open(directory / name).convert("RGB"))
            for directory in (tmp_path, predicted[0])
        )
        assert (one == other).mean() > 0.99
    assert Image.open(tmp_path / "large_labels.png").size == (70, 53)
