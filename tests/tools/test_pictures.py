import numpy as np
from PIL import Image

from tfrecvis.tools.pictures import (
    colour_labels,
    overlay,
    write_comparison,
    write_label_map,
    write_overlay,
)

COLOURS = [[200, 0, 0], [0, 200, 0], [0, 0, 200]]
NAMES = ["road", "sky", "a tree with a long name"]


def test_void_stays_255_in_the_label_map_and_is_black(tmp_path):
    labels = np.array([[0, 1, 255]])
    write_label_map(labels, COLOURS, tmp_path / "labels.png")
    picture = Image.open(tmp_path / "labels.png")
    np.testing.assert_array_equal(np.asarray(picture), labels)
    assert picture.convert("RGB").getpixel((2, 0)) == (0, 0, 0)


def test_overlay_leaves_void_pixels_alone():
    image = np.full((1, 2, 3), 40, "uint8")
    mixed = overlay(image, np.array([[2, 255]]), COLOURS)
    assert mixed.tolist() == [[[20, 20, 120], [40, 40, 40]]]


def test_legend_shows_the_classes_that_occur_alone(tmp_path):
    image = np.zeros((400, 500, 3), "uint8")
    labels = np.full((400, 500), 2)
    write_overlay(image, labels, NAMES, COLOURS, tmp_path / "overlay.png")
    legend = np.asarray(Image.open(tmp_path / "overlay.png"))[400:]
    assert (legend == COLOURS[2]).all(axis=-1).any()
    assert not (legend == COLOURS[0]).all(axis=-1).any()


def test_legend_breaks_into_lines_where_it_is_too_long(tmp_path):
    image = np.zeros((90, 160, 3), "uint8")
    labels = np.arange(90 * 160).reshape(90, 160) % 3
    write_overlay(image, labels, NAMES, COLOURS, tmp_path / "few.png")
    few = Image.open(tmp_path / "few.png").size
    names = [f"{name} and more" for name in NAMES]
    write_overlay(image, labels, names, COLOURS, tmp_path / "many.png")
    assert Image.open(tmp_path / "many.png").size[1] > few[1]


def test_comparison_draws_each_label_map_in_its_colours(tmp_path):
    image = np.full((8, 12, 3), 90, "uint8")
    labels = np.ones((8, 12), "int32")
    path = tmp_path / "comparison.png"
    write_comparison([[image, labels]], ["image", "truth"], NAMES, COLOURS, path)
    picture = np.asarray(Image.open(path).convert("RGB"))
    half = picture.shape[1] // 2
    wanted = colour_labels(labels, COLOURS)[0, 0]
    assert not (picture[: picture.shape[0] // 2, :half] == wanted).all(-1).any()
    assert (picture[:, half:] == wanted).all(axis=-1).sum() > 1000
