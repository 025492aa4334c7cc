import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tfrecvis.tools.pictures import confusion, curves
from tfrecvis.tools.pictures.confusion import write_confusion_matrix
from tfrecvis.tools.pictures.curves import write_curves
from tfrecvis.tools.pictures.figures import fit_lines
from tfrecvis.tools.pictures.segmentation import write_label_map

TITLES = {"mean_iou": "mean IoU", "accuracy": "accuracy"}
BLUE, ORANGE = [31, 119, 180], [255, 127, 14]  # training, validation
GREY = [153, 153, 153]  # the best epoch


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def count(picture, colour):
    return int((picture == np.asarray(colour)).all(axis=-1).sum())


def texts(figure):
    """Every text of a figure, as a set."""
    from matplotlib.text import Text

    return {text.get_text() for text in figure.findobj(Text)} - {""}


@pytest.fixture
def figures(monkeypatch):
    """The figures that are saved, in order; nothing is written."""
    saved = []
    for module in (confusion, curves):
        monkeypatch.setattr(module, "save_figure", lambda figure, path: keep(figure))

    def keep(figure):
        figure.draw_without_rendering()
        saved.append(figure)

    return saved


def columns(best, epochs=9):
    scores = [0.1] * epochs
    scores[best - 1] = 0.9
    falling = np.linspace(2, 1, epochs)
    return {
        "epoch": [float(epoch + 1) for epoch in range(epochs)],
        "loss": falling.tolist(),
        "mean_iou": [0.5] * epochs,
        "val_loss": (falling + 1).tolist(),
        "val_mean_iou": scores,
        "learning_rate": [1e-3] * epochs,
        "seconds": [1.0] * epochs,
    }


def marked_column(path):
    """The column of the picture, 0-1, in which most pixels are the best epoch's."""
    grey = (read(path) == GREY).all(axis=-1).sum(axis=0)
    assert grey.max() > 100
    return grey.argmax() / len(grey)


def test_best_epoch_is_marked_where_it_is(tmp_path):
    places = []
    for best in (1, 5, 9):
        write_curves(columns(best), TITLES, tmp_path / "curves.png")
        places.append(marked_column(tmp_path / "curves.png"))
    assert places[0] < 0.2 < 0.45 < places[1] < 0.65 < 0.9 < places[2]


def test_training_and_validation_are_drawn_in_their_colours(tmp_path):
    write_curves(columns(5), TITLES, tmp_path / "curves.png")
    both = read(tmp_path / "curves.png")
    assert count(both, BLUE) > 300
    assert count(both, ORANGE) > 300
    only_training = {k: v for k, v in columns(5).items() if not k.startswith("val")}
    write_curves(only_training, TITLES, tmp_path / "curves.png")
    assert count(read(tmp_path / "curves.png"), ORANGE) == 0


def test_a_single_epoch_is_drawn_as_points(tmp_path):
    write_curves(columns(1, epochs=1), TITLES, tmp_path / "curves.png")
    assert 0.4 < marked_column(tmp_path / "curves.png") < 0.7
    assert count(read(tmp_path / "curves.png"), ORANGE) > 10


def test_panels_are_the_loss_the_first_score_and_a_small_learning_rate(figures):
    write_curves(columns(5), TITLES, None)
    loss, score, rate = figures[0].axes
    labels = [axis.get_ylabel() for axis in (loss, score, rate)]
    assert labels == ["loss", "mean IoU", "learning rate"]
    assert rate.bbox.height < 0.7 * loss.bbox.height
    assert "best epoch 5: mean IoU 0.9" in texts(figures[0])


def test_columns_that_are_missing_are_left_out(figures):
    write_curves({"epoch": [1.0, 2.0], "loss": [2.0, 1.0]}, TITLES, None)
    assert [axis.get_ylabel() for axis in figures[0].axes] == ["loss"]


def test_scores_that_are_not_finite_have_no_best_epoch(figures):
    write_curves({**columns(5), "val_mean_iou": [np.nan] * 9}, TITLES, None)
    assert not any("best epoch" in text for text in texts(figures[0]))


def test_loss_that_falls_by_far_is_drawn_on_a_log_scale(figures):
    far = np.geomspace(1000, 1, 9).tolist()
    write_curves({**columns(5), "loss": far}, TITLES, None)
    loss, score, _ = figures[0].axes
    assert (loss.get_yscale(), score.get_yscale()) == ("log", "linear")


def test_confusion_matrix_shows_percent_of_the_true_class(figures):
    write_confusion_matrix([[1, 3], [0, 0]], ["road", "sky"], None, "heading")
    drawn = figures[0].axes[0]
    cells = {(*text.get_position(), text.get_text()) for text in drawn.texts}
    assert cells == {(0, 0, "25"), (1, 0, "75")}
    assert {"road", "sky (absent)", "heading"} <= texts(figures[0])


def test_confusion_matrix_shows_the_iou_of_each_class(figures):
    matrix, names = np.eye(3, dtype=int), ["road", "sky", "tree"]
    write_confusion_matrix(matrix, names, None, "heading", [0.25, None, 1.0])
    assert {"IoU", "0.25", "–", "1.00"} <= texts(figures[0])
    write_confusion_matrix(matrix, names, None, "heading")
    assert "IoU" not in texts(figures[1])


def overlaps(boxes):
    return [
        (a, b)
        for number, a in enumerate(boxes)
        for b in boxes[number + 1 :]
        if a.y0 < b.y1 and b.y0 < a.y1
    ]


@pytest.mark.parametrize("number", [1, 2, 40])
def test_names_of_the_rows_do_not_touch_each_other(figures, number):
    names = [f"the class that has the number {index}" for index in range(number)]
    matrix = np.full((number, number), 7)
    write_confusion_matrix(matrix, names, None, "h", [0.5] * number)
    rows = figures[0].axes[0].get_yticklabels()
    boxes = [row.get_window_extent() for row in rows]
    assert len(boxes) == number
    assert not overlaps(boxes)


def test_numbers_of_40_classes_fit_into_their_cells(figures):
    write_confusion_matrix(np.eye(40), [str(n) for n in range(40)], None, "heading")
    drawn = figures[0].axes[0]
    cell = drawn.bbox.width / 40
    widths = [text.get_window_extent().width for text in drawn.texts]
    assert len(widths) == 40
    assert max(widths) < cell


def test_dark_cells_hold_white_numbers(tmp_path):
    path = tmp_path / "matrix.png"
    write_confusion_matrix([[9, 0], [0, 9]], ["a", "b"], path, "heading")
    picture = read(path)
    dark = [8, 48, 107]  # the end of Matplotlib's "Blues"
    assert count(picture, dark) > 2 * 100 * 100
    rows, columns_ = np.nonzero((picture == dark).all(axis=-1))
    left = columns_.min()
    first = picture[rows.min() : rows.min() + 100, left : left + 160]
    assert count(first, [255, 255, 255]) > 5


def test_long_paths_of_a_heading_keep_their_ends():
    text = (
        "of/a/run/that/is/far/away/best.keras on sets/road/camvid, split val\nIoU 0.5"
    )
    short = fit_lines(text, 50)
    assert short == "…/best.keras on …/road/camvid, split val\nIoU 0.5"
    assert fit_lines(text, 100) == text


def test_heading_without_paths_is_broken_between_words():
    lines = fit_lines("word " * 30, 20).split("\n")
    assert max(map(len, lines)) <= 20
    assert "".join(lines).replace(" ", "") == "word" * 30


def test_broken_off_figure_leaves_no_file(tmp_path, monkeypatch):
    def break_off(figure, file, **options):
        file.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", break_off)
    with pytest.raises(KeyboardInterrupt):
        write_curves(columns(5), TITLES, tmp_path / "curves.png")
    with pytest.raises(KeyboardInterrupt):
        write_confusion_matrix([[1]], ["a"], tmp_path / "matrix.png", "heading")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "draw"),
    [
        ("matplotlib.figure", lambda path: write_curves(columns(5), TITLES, path)),
        ("PIL.Image", lambda path: write_label_map([[0]], [[1, 2, 3]], path)),
    ],
)
def test_missing_library_says_what_to_install(tmp_path, monkeypatch, module, draw):
    library = module.partition(".")[0]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=r"Pictures need .*tfrecvis\[plots\]"):
        draw(tmp_path / "picture.png")
