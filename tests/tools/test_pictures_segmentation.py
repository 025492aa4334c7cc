import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import class_colours
from tfrecvis.tools.pictures import segmentation
from tfrecvis.tools.pictures.segmentation import (
    colour_labels,
    overlay,
    write_comparison,
    write_label_map,
    write_overlay,
)

COLOURS = [[200, 0, 0], [0, 200, 0], [0, 0, 200]]
NAMES = ["road", "sky", "a tree with a long name"]


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def count(picture, colour):
    return int((picture == np.asarray(colour)).all(axis=-1).sum())


@pytest.fixture
def drawn(tmp_path):
    """Writes an overlay on a black image; returns its pixels."""

    def draw(labels, names=NAMES, colours=COLOURS, truth=None):
        image = np.zeros((*labels.shape, 3), "uint8")
        path = tmp_path / "overlay.png"
        write_overlay(image, labels, names, colours, path, truth)
        return read(path)

    return draw


def stripes(height, width, classes=3):
    return np.arange(height * width).reshape(height, width) % classes


def test_void_stays_255_in_the_label_map_and_is_black(tmp_path):
    labels = np.array([[0, 1, 255]])
    write_label_map(labels, COLOURS, tmp_path / "labels.png")
    picture = Image.open(tmp_path / "labels.png")
    np.testing.assert_array_equal(np.asarray(picture), labels)
    assert picture.convert("RGB").getpixel((2, 0)) == (0, 0, 0)


def test_overlay_does_not_change_void_pixels():
    image = np.full((1, 2, 3), 40, "uint8")
    mixed = overlay(image, np.array([[2, 255]]), COLOURS)
    assert mixed.tolist() == [[[20, 20, 120], [40, 40, 40]]]


def test_legend_shows_only_the_classes_that_occur(drawn):
    legend = drawn(np.full((400, 500), 2))[400:]
    assert count(legend, COLOURS[2]) > 50
    assert count(legend, COLOURS[0]) == 0


def test_legend_shows_classes_that_only_the_truth_has(drawn):
    picture = drawn(np.full((400, 500), 2), truth=np.full((400, 500), 1))
    assert count(picture[420:], COLOURS[1]) > 50
    assert count(picture[420:], COLOURS[0]) == 0


def test_labels_that_are_all_void_have_no_legend(drawn):
    assert drawn(np.full((400, 500), 255)).shape == (400, 500, 3)


def test_legend_breaks_into_lines_where_it_is_too_long(drawn):
    labels = stripes(90, 160)
    few = drawn(labels).shape
    assert few[1] == 320
    many = drawn(labels, [f"{name} and more" for name in NAMES]).shape
    assert many[0] > few[0]
    assert many[1] == few[1]


def test_picture_is_as_wide_as_a_name_that_does_not_fit_beside_it(drawn):
    narrow, name = stripes(1200, 40), "n" * 45
    picture = drawn(narrow, [name] * 3)
    length = segmentation.load_font(14).getlength(name)
    assert picture.shape[1] > length
    assert (picture[1200:, -3:] == 255).all()


def test_names_of_any_length_are_cut(drawn):
    assert drawn(stripes(300, 400), ["n" * 5000] * 3).shape[1] < 1000


def test_legend_of_a_large_photo_is_as_large_on_a_screen_as_that_of_a_small_one(drawn):
    small = drawn(stripes(750, 1000)).shape[0] / 750
    large = drawn(stripes(3000, 4000)).shape[0] / 3000
    assert large == pytest.approx(small, abs=0.01)


def test_small_images_are_enlarged_by_a_whole_number(drawn):
    picture = drawn(np.array([[0, 1]]))[:160]
    assert picture.shape == (160, 320, 3)
    assert count(picture[:, :160], [100, 0, 0]) == 160 * 160
    assert count(picture[:, 160:], [0, 100, 0]) == 160 * 160


def test_a_column_of_pixels_does_not_become_a_tower(drawn):
    assert drawn(stripes(2000, 1)).shape[0] < 4200


def test_truth_is_drawn_on_the_right_of_the_prediction(drawn):
    picture = drawn(np.full((300, 400), 0), truth=np.full((300, 400), 1))
    assert count(picture[:, :400], [100, 0, 0]) == 300 * 400
    assert count(picture[:, -400:], [0, 100, 0]) == 300 * 400
    assert picture.shape[1] > 800


def test_truth_of_a_wide_image_is_drawn_below_the_prediction(drawn):
    picture = drawn(np.full((100, 400), 0), truth=np.full((100, 400), 1))
    assert picture.shape[1] == 400
    assert count(picture[:130], [100, 0, 0]) == 100 * 400
    assert count(picture[130:], [0, 100, 0]) == 100 * 400


def test_legend_of_40_classes_shows_every_colour(drawn):
    colours = class_colours(40)
    names = [f"class {number}" for number in range(40)]
    legend = drawn(stripes(400, 480, 40), names, colours)[400:]
    assert min(count(legend, colour) for colour in colours) > 50


def test_broken_off_picture_leaves_what_was_there(tmp_path, monkeypatch):
    labels = np.zeros((2, 2), "int32")
    image = np.zeros((2, 2, 3), "uint8")
    path = tmp_path / "overlay.png"
    path.write_text("old")

    def break_off(picture, file, **options):
        file.write_text("half")
        raise OSError("no space left on the disk")

    monkeypatch.setattr(Image.Image, "save", break_off)
    with pytest.raises(OSError, match="no space"):
        write_overlay(image, labels, NAMES, COLOURS, path)
    with pytest.raises(OSError, match="no space"):
        write_label_map(labels, COLOURS, tmp_path / "labels.png")
    assert [file.name for file in tmp_path.iterdir()] == ["overlay.png"]
    assert path.read_text() == "old"


def test_comparison_draws_each_label_map_in_its_colours(tmp_path):
    image = np.full((8, 12, 3), 90, "uint8")
    labels = np.ones((8, 12), "int32")
    path = tmp_path / "comparison.png"
    write_comparison([[image, labels]], ["image", "truth"], NAMES, COLOURS, path)
    picture = read(path)
    half = picture.shape[1] // 2
    wanted = colour_labels(labels, COLOURS)[0, 0]
    assert count(picture[: picture.shape[0] // 2, :half], wanted) == 0
    assert count(picture[:, half:], wanted) == 480 * 320


def test_comparison_names_void_where_it_occurs(tmp_path):
    path = tmp_path / "comparison.png"
    labels = np.ones((8, 12), "int32")
    write_comparison([[labels]], ["truth"], NAMES, COLOURS, path)
    without = read(path)[-20:]
    labels[0, 0] = 255
    write_comparison([[labels]], ["truth"], NAMES, COLOURS, path)
    assert count(read(path)[-20:], [0, 0, 0]) > count(without, [0, 0, 0]) + 100


def test_rows_of_a_comparison_may_differ_in_size(tmp_path):
    path = tmp_path / "comparison.png"
    sizes = [(3, 4), (300, 900), (2000, 500), (100, 1)]
    rows = [
        [np.zeros((*size, 3), "uint8"), np.full(size, number % 3)]
        for number, size in enumerate(sizes)
    ]
    write_comparison(rows, ["image", "truth"], NAMES, COLOURS, path)
    picture = read(path)
    assert 960 <= picture.shape[1] < 1000
    assert count(picture, COLOURS[1]) > 480 * 160
    assert count(picture, COLOURS[2]) > 180 * 720


def test_large_label_maps_keep_their_colours_when_they_shrink(tmp_path):
    path = tmp_path / "comparison.png"
    write_comparison([[stripes(900, 1201, 2)]], ["truth"], NAMES, COLOURS, path)
    inside = read(path)[30:380].reshape(-1, 3)
    assert set(map(tuple, inside.tolist())) == {tuple(COLOURS[0]), tuple(COLOURS[1])}


def test_title_that_is_too_long_is_cut_to_its_column(tmp_path):
    path = tmp_path / "comparison.png"
    labels = np.ones((300, 400), "int32")
    columns = ["a title that is far too long " * 9, ""]
    write_comparison([[labels, labels]], columns, NAMES, COLOURS, path)
    assert (read(path)[:20, 482:] == 255).all()


def test_comparison_of_many_rows_keeps_the_size_of_the_text(tmp_path):
    legends = []
    for count_of_rows in (1, 30):
        path = tmp_path / f"{count_of_rows}.png"
        rows = [[np.ones((30, 40), "int32")]] * count_of_rows
        write_comparison(rows, ["truth"], NAMES, COLOURS, path)
        legends.append(read(path)[-22:])
    np.testing.assert_array_equal(*legends)


def test_font_has_letters_with_accents():
    font = segmentation.load_font(20)
    missing = bytes(font.getmask("\uffff"))
    assert all(bytes(font.getmask(letter)) != missing for letter in "éßñЖΩ…")
