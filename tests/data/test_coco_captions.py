import json

import pytest
from PIL import Image

from tfrecvis.data import COCOCaptions, DataError


def make(root, annotations, **changes):
    (root / "val").mkdir(parents=True)
    (root / "annotations").mkdir()
    listed = []
    for number in (70, 71):
        name = f"{number}.png"
        Image.new("RGB", (30, 20)).save(root / "val" / name)
        size = {"height": 20, "width": 30}
        listed.append({"id": number, "file_name": name, **size})
    content = {"images": listed, "annotations": annotations, **changes}
    (root / "annotations" / "captions_val.json").write_text(json.dumps(content))
    return root


def caption(number, text):
    return {"id": 1, "image_id": number, "caption": text}


def test_captions_go_to_their_images(tmp_path):
    found = [caption(71, "a cat"), caption(70, "a dog"), caption(71, "A cat.")]
    reader = COCOCaptions(make(tmp_path, found), "val", strict=True)
    assert reader.captions == [["a dog"], ["a cat", "A cat."]]
    first, second = reader.samples().as_numpy_iterator()
    assert first["file"].endswith(b"70.png") and first["image"].shape == (20, 30, 3)
    assert second["captions"].tolist() == [b"a cat", b"A cat."]
    assert reader.sizes == [(20, 30)] * 2


def test_captions_that_miss_their_image_are_named(tmp_path):
    found = [caption(70, "a dog"), caption(72, "a cow"), caption(70, " ")]
    with pytest.warns(UserWarning) as warned:
        reader = COCOCaptions(make(tmp_path, found), "val")
    text = "\n".join(str(warning.message) for warning in warned)
    assert "2 captions of" in text and "1 of 2 files" in text
    reasons = [problem.reason for problem in reader.problems]
    assert "has a caption of the unlisted image 72" in reasons
    assert "has no caption" in reasons and "caption 1 is empty" in reasons
    with pytest.raises(DataError, match="unlisted image 72"):
        COCOCaptions(tmp_path, "val", strict=True)


def test_wrong_files_say_what_was_expected(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*captions_val.json\.$"):
        COCOCaptions(tmp_path, "val")
    make(tmp_path, [{"image_id": 70}])
    with pytest.raises(DataError, match="not as COCO has it.*KeyError: 'caption'"):
        COCOCaptions(tmp_path, "val")
    with pytest.raises(ValueError, match="Splits found: val"):
        COCOCaptions(tmp_path, "train")
