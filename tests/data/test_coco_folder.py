import json

import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import COCOFolder, DataError, batches

SQUARE = [[2, 3, 8, 3, 8, 9, 2, 9]]


def make(root, annotations, images=2, **changes):
    """Images of 30 pixels in width and 20 in height, and what is said of them."""
    (root / "val").mkdir(parents=True)
    (root / "annotations").mkdir()
    listed = []
    for number in range(images):
        name = f"{number}.png"
        Image.new("RGB", (30, 20), (200, 100, 50)).save(root / "val" / name)
        listed.append({"id": 70 + number, "file_name": name, "height": 20, "width": 30})
    content = {
        "images": listed,
        "annotations": annotations,
        "categories": [{"id": 9, "name": "dog"}, {"id": 4, "name": "cat"}],
        **changes,
    }
    text = json.dumps(content)
    (root / "annotations" / "instances_val.json").write_text(text)
    return root


def entry(*bbox, image=70, category=4, **others):
    return {"image_id": image, "category_id": category, "bbox": bbox, **others}


def samples(reader):
    return list(reader.samples().as_numpy_iterator())


def test_boxes_classes_and_crowds(tmp_path):
    found = [entry(2, 3, 6, 6), entry(0, 0, 30, 20, category=9, iscrowd=1)]
    reader = COCOFolder(make(tmp_path, found), "val")
    first, second = samples(reader)
    assert reader.class_names == ["cat", "dog"]
    np.testing.assert_array_equal(first["boxes"], [[2, 3, 8, 9], [0, 0, 30, 20]])
    assert first["classes"].tolist() == [0, 1]
    assert first["difficult"].tolist() == [False, True]
    assert first["image"].shape == (20, 30, 3)
    assert second["boxes"].shape == (0, 4)
    assert reader.sizes == [(20, 30), (20, 30)]


def test_polygons_and_run_length_codes_become_masks(tmp_path):
    counts = [3, 2, 595]  # columns first: two pixels of the first column
    code = {"size": [20, 30], "counts": counts}
    found = [
        entry(2, 3, 6, 6, segmentation=SQUARE),
        entry(0, 3, 1, 2, segmentation=code),
    ]
    reader = COCOFolder(make(tmp_path, found), "val", masks=True)
    masks = samples(reader)[0]["masks"]
    assert masks.shape == (2, 20, 30) and masks.dtype == np.uint8
    expected = np.zeros((20, 30))
    expected[3:9, 2:8] = 1
    np.testing.assert_array_equal(masks[0], expected)
    assert np.argwhere(masks[1]).tolist() == [[3, 0], [4, 0]]


def test_some_classes_are_chosen_in_their_order(tmp_path):
    found = [entry(2, 3, 6, 6), entry(1, 1, 5, 5, category=9)]
    reader = COCOFolder(make(tmp_path, found), "val", ["dog"], strict=True)
    assert samples(reader)[0]["boxes"].tolist() == [[1, 1, 6, 6]]
    with pytest.raises(ValueError, match="cat, dog. Received: 'cow'"):
        COCOFolder(tmp_path, "val", ["cow"])


def test_batches_pad_boxes(tmp_path):
    reader = COCOFolder(make(tmp_path, [entry(2, 3, 6, 6)]), "val")
    (batch,) = batches(reader, 2, inputs=None, shuffle=False)
    assert batch["classes"].numpy().tolist() == [[0], [-1]]


def test_what_cannot_be_used_is_named_and_counted(tmp_path):
    found = [
        entry(2, 3, 6, 6),
        entry(2, 3, 0, 6),
        entry(40, 3, 6, 6),
        entry(20, 3, 30, 6),
        entry(2, 3, float("nan"), 6),
        entry(2, 3, 6, 6, category=5),
    ]
    root = make(tmp_path, found, images=3)
    (root / "val" / "2.png").unlink()
    with pytest.warns(UserWarning) as warned:
        reader = COCOFolder(root, "val")
    text = "\n".join(str(warning.message) for warning in warned)
    assert "1 of 3 files" in text and "5 boxes of" in text
    reasons = " ".join(problem.reason for problem in reader.problems)
    for words in ("is missing", "without area", "outside", "clipped", "NaN", "class 5"):
        assert words in reasons
    assert samples(reader)[0]["boxes"].tolist() == [[2, 3, 8, 9], [20, 3, 30, 9]]
    with pytest.raises(DataError, match="strict=False"):
        COCOFolder(root, "val", strict=True)


def test_wrong_files_say_what_was_expected(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*instances_val.json\.$"):
        COCOFolder(tmp_path, "val")
    root = make(tmp_path / "a", [{"image_id": 70, "category_id": 4}])
    with pytest.raises(DataError, match="not as COCO has it.*KeyError: 'bbox'"):
        COCOFolder(root, "val")
    with pytest.raises(ValueError, match="Splits found: val"):
        COCOFolder(root, "train")
