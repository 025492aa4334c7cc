import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import Augmentation, DataError, VOCFolder, batches

OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>
<xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"""


def objects(*boxes):
    texts = [
        OBJECT.format(*box[:4], name=box[4], difficult=int(len(box) > 5))
        for box in boxes
    ]
    return f"<annotation>{''.join(texts)}</annotation>"


def make(root, annotations):
    """A folder whose images are 30 pixels wide and 20 high."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    for stem, text in annotations.items():
        Image.new("RGB", (30, 20), (200, 100, 50)).save(
            root / "JPEGImages" / f"{stem}.png"
        )
        (root / "Annotations" / f"{stem}.xml").write_text(text)
    listing = "".join(f"{stem}\n" for stem in annotations)
    (root / "ImageSets" / "Main" / "train.txt").write_text(listing)
    return root


def test_boxes_count_pixels_from_zero_and_end_behind_the_last(tmp_path):
    annotations = {"a": objects((1, 1, 30, 20, "cat"), (3, 5, 4, 9, "dog", "hard"))}
    reader = VOCFolder(make(tmp_path, annotations), "train")
    (sample,) = reader.samples().as_numpy_iterator()
    assert reader.class_names == ["cat", "dog"]
    np.testing.assert_array_equal(sample["boxes"], [[0, 0, 30, 20], [2, 4, 4, 9]])
    np.testing.assert_array_equal(sample["classes"], [0, 1])
    np.testing.assert_array_equal(sample["difficult"], [False, True])
    assert sample["image"].shape == (20, 30, 3)


def test_images_and_boxes_are_brought_to_a_size(tmp_path):
    root = make(tmp_path, {"a": objects((1, 1, 15, 20, "cat"))})
    reader = VOCFolder(root, "train", image_size=(40, 90))
    (sample,) = reader.samples().as_numpy_iterator()
    assert sample["image"].shape == (40, 90, 3)
    np.testing.assert_allclose(sample["boxes"], [[0, 0, 45, 40]])


def test_unusable_boxes_are_left_out_named_and_counted(tmp_path):
    text = objects(
        (1, 1, 9, 9, "cat"),
        (9, 9, 9, 5, "cat"),
        (40, 1, 50, 9, "cat"),
        (20, 10, 60, 20, "cat"),
        (1, 1, 5, 5, "unicorn"),
    )
    root = make(tmp_path, {"a": text})
    with pytest.warns(UserWarning, match="4 boxes of"):
        reader = VOCFolder(root, "train", class_names=["cat"])
    reasons = [problem.reason for problem in reader.problems]
    assert [reason.rpartition(": ")[2] for reason in reasons] == [
        "left out",
        "left out",
        "clipped",
        "left out",
    ]
    assert all(problem.file.endswith("a.xml") for problem in reader.problems)
    (sample,) = reader.samples().as_numpy_iterator()
    np.testing.assert_array_equal(sample["boxes"], [[0, 0, 9, 9], [19, 9, 30, 20]])


def test_missing_and_broken_files_are_named(tmp_path):
    root = make(tmp_path, {"a": objects((1, 1, 9, 9, "cat")), "b": "<no", "c": ""})
    (root / "Annotations" / "c.xml").unlink()
    with pytest.warns(UserWarning, match="2 of 3 files"):
        reader = VOCFolder(root, "train")
    assert len(reader) == 1
    assert {problem.reason.split(" (")[0] for problem in reader.problems} == {
        "annotation is not valid XML",
        "annotation is missing",
    }
    with pytest.raises(DataError, match="2 of 3 files"):
        VOCFolder(root, "train", strict=True)


def test_boxes_of_no_finite_numbers_are_left_out(tmp_path):
    text = objects((1, 1, "inf", 9, "cat"), (1, 1, 9, 9, "cat"))
    with pytest.warns(UserWarning, match="1 boxes of .* cannot be used"):
        reader = VOCFolder(make(tmp_path, {"a": text}), "train", class_names=["cat"])
    (sample,) = reader.samples().as_numpy_iterator()
    assert sample["boxes"].tolist() == [[0, 0, 9, 9]]
    assert "NaN or infinite" in reader.problems[0].reason


def test_unknown_split_names_those_that_there_are(tmp_path):
    root = make(tmp_path, {"a": objects((1, 1, 9, 9, "cat"))})
    with pytest.raises(ValueError, match="Splits found: train"):
        VOCFolder(root, "val")


def test_batches_pad_boxes_with_class_minus_one_and_augmentation_moves_them(tmp_path):
    annotations = {"a": objects((1, 1, 10, 20, "cat")), "b": objects()}
    reader = VOCFolder(make(tmp_path, annotations), "train")
    flip = Augmentation(flip=True)
    seen = set()
    for batch in batches(reader, 2, flip, inputs=None, epochs=8):
        classes = batch["classes"].numpy()
        assert sorted(classes[:, 0]) == [-1, 0]
        box = batch["boxes"].numpy()[classes[:, 0] == 0][0, 0]
        seen.add(tuple(box.tolist()))
    assert seen == {(0, 0, 10, 20), (20, 0, 30, 20)}
