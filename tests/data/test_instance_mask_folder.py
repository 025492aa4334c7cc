import json

import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import Augmentation, DataError, InstanceMaskFolder, batches


def make(root, masks, split="train"):
    """A folder of grey images with these numbers in their masks."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    entries = []
    for number, mask in enumerate(masks):
        name = f"{number:04d}"
        entries.append({"id": name, "split": split, "nuclei": 1})
        pixels = np.full((*mask.shape, 3), 90, "uint8")
        Image.fromarray(pixels).save(root / "images" / f"{name}.png")
        Image.fromarray(mask.astype("uint16")).save(root / "masks" / f"{name}.png")
    (root / "index.json").write_text(json.dumps(entries))
    return root


def two_instances():
    mask = np.zeros((8, 10), "uint16")
    mask[1:4, 2:5] = 700  # more than a byte holds, and a gap in the numbers
    mask[5, 6:9] = 3
    return mask


def test_masks_and_boxes_follow_the_numbers(tmp_path):
    reader = InstanceMaskFolder(make(tmp_path, [two_instances()]), "train", ["cell"])
    (sample,) = reader.samples().as_numpy_iterator()
    np.testing.assert_array_equal(sample["boxes"], [[6, 5, 9, 6], [2, 1, 5, 4]])
    assert sample["classes"].tolist() == [0, 0]
    assert sample["masks"].shape == (2, 8, 10) and sample["masks"].dtype == np.uint8
    np.testing.assert_array_equal(sample["masks"][0], two_instances() == 3)
    np.testing.assert_array_equal(sample["masks"][1], two_instances() == 700)
    assert "labels" not in sample


def test_image_without_instances_has_no_boxes(tmp_path):
    reader = InstanceMaskFolder(make(tmp_path, [np.zeros((4, 6))]), "train")
    (sample,) = reader.samples().as_numpy_iterator()
    assert sample["boxes"].shape == (0, 4)
    assert sample["masks"].shape == (0, 4, 6)


def test_mask_without_background_keeps_every_instance(tmp_path):
    mask = np.array([[4, 4, 9], [4, 4, 9]])
    reader = InstanceMaskFolder(make(tmp_path, [mask]), "train")
    (sample,) = reader.samples().as_numpy_iterator()
    np.testing.assert_array_equal(sample["boxes"], [[0, 0, 2, 2], [2, 0, 3, 2]])
    np.testing.assert_array_equal(sample["masks"][0], mask == 4)


def test_batches_pad_and_augmentation_moves_masks(tmp_path):
    masks = [two_instances(), np.zeros((8, 10))]
    reader = InstanceMaskFolder(make(tmp_path, masks), "train")
    flip = Augmentation(crop_size=(8, 10), flip=True)
    flipped = 0
    for batch in batches(reader, 2, flip, inputs=None, epochs=8):
        assert batch["masks"].shape == (2, 2, 8, 10)
        full = int(np.argmax((batch["classes"].numpy() >= 0).sum(1)))
        for box, mask in zip(
            batch["boxes"][full].numpy(), batch["masks"][full].numpy(), strict=True
        ):
            rows, columns = np.nonzero(mask)
            around = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            np.testing.assert_array_equal(box, around)
        flipped += int(batch["boxes"][full, 0, 0].numpy() != 6)
    assert 0 < flipped < 8


def test_files_that_cannot_be_used_are_named_and_counted(tmp_path):
    root = make(tmp_path, [two_instances()] * 4)
    (root / "masks" / "0000.png").unlink()
    (root / "masks" / "0001.png").write_bytes(b"no picture")
    Image.new("I;16", (3, 3)).save(root / "masks" / "0002.png")
    with pytest.warns(UserWarning, match="3 of 4 files"):
        reader = InstanceMaskFolder(root, "train")
    assert len(reader) == 1
    reasons = " ".join(problem.reason for problem in reader.problems)
    assert "is missing" in reasons and "cannot be decoded as PNG" in reasons
    assert "is (3, 3) in size (height, width), its image (8, 10)" in reasons
    with pytest.raises(DataError, match="strict=False"):
        InstanceMaskFolder(root, "train", strict=True)


def test_wrong_folders_say_what_was_expected(tmp_path):
    with pytest.raises(DataError, match=r"There is no file .*index.json"):
        InstanceMaskFolder(tmp_path, "train")
    (tmp_path / "index.json").write_text('{"id": 3}')
    with pytest.raises(DataError, match=r"index.json must hold a list"):
        InstanceMaskFolder(tmp_path, "train")
    root = make(tmp_path / "a", [two_instances()], split="val")
    with pytest.raises(DataError, match="no image of the split 'train'. Splits: val"):
        InstanceMaskFolder(root, "train")
    with pytest.raises(ValueError, match="must name one class"):
        InstanceMaskFolder(root, "val", ["a", "b"])
