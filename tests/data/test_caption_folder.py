import json

import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import CaptionFolder, DataError, batches


def make(root, entries, encoding="utf-8"):
    """A folder with a photo of 30x20 pixels for each file not called missing."""
    (root / "images").mkdir(parents=True)
    for entry in entries:
        if not entry["file"].startswith("missing"):
            image = Image.new("RGB", (30, 20), (200, 100, 50))
            image.save(root / "images" / entry["file"])
    text = json.dumps({"images": entries}, ensure_ascii=False)
    (root / "captions.json").write_bytes(text.encode(encoding))
    return root


def entry(file, *captions, split="train"):
    return {"file": file, "split": split, "captions": list(captions)}


def samples(reader):
    return list(reader.samples().as_numpy_iterator())


def test_photos_of_the_split_come_with_their_captions(tmp_path):
    entries = [
        entry("a.png", "A dog .", "Ein Hündchen."),
        entry("b.png", "a cat", split="val"),
        entry("c.png", " two \n cats "),
    ]
    reader = CaptionFolder(make(tmp_path, entries), "train", strict=True)
    first, second = samples(reader)
    assert [text.decode() for text in first["captions"]] == ["A dog .", "Ein Hündchen."]
    assert second["captions"].tolist() == [b"two cats"]
    assert first["image"].shape == (20, 30, 3) and first["image"][0, 0, 0] == 200
    assert reader.sizes == [(20, 30)] * 2 and reader.problems == []
    assert reader.captions[1] == ["two cats"]
    assert reader.subset(1).captions == reader.captions[:1]
    batch = next(iter(batches(reader, 2, inputs=None, shuffle=False)))
    assert batch["captions"].numpy().tolist()[1] == [b"two cats", b""]


def test_photos_are_resized_where_asked(tmp_path):
    reader = CaptionFolder(
        make(tmp_path, [entry("a.png", "a dog")]), "train", image_size=[8, 12]
    )
    assert samples(reader)[0]["image"].shape == (8, 12, 3)
    assert reader.sizes == [(8, 12)]
    with pytest.raises(ValueError, match="`image_size`"):
        CaptionFolder(tmp_path, "train", image_size=(8, 0))


def test_photo_that_lies_on_its_side_has_its_turned_size(tmp_path):
    make(tmp_path, [entry("a.jpg", "a dog")])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "images" / "a.jpg", exif=exif)
    reader = CaptionFolder(tmp_path, "train")
    assert reader.sizes == [(30, 20)] == [samples(reader)[0]["image"].shape[:2]]


def test_what_cannot_be_used_is_named_and_counted(tmp_path):
    entries = [
        entry("a.png", "a dog", "", " . ", None, "a cat"),
        entry("missing.png", "a dog"),
        entry("b.png", ""),
        entry("broken.png", "a bird"),
    ]
    make(tmp_path, entries)
    (tmp_path / "images" / "broken.png").write_bytes(b"no image")
    with pytest.warns(UserWarning) as warned:
        reader = CaptionFolder(tmp_path, "train")
    text = "\n".join(str(warning.message) for warning in warned)
    assert "4 captions of" in text and "3 of 4 files of" in text
    found = {(p.file.rpartition("/")[2], p.reason) for p in reader.problems}
    assert found == {
        ("a.png", "caption 1 is empty"),
        ("a.png", "caption 2 is empty"),
        ("a.png", "caption 3 is no text"),
        ("b.png", "caption 0 is empty"),
        ("b.png", "has no caption"),
        ("missing.png", "is missing"),
        ("broken.png", "cannot be decoded (UnidentifiedImageError)"),
    }
    assert reader.captions == [["a dog", "a cat"]] and len(reader) == 1
    with pytest.raises(DataError, match="4 captions.*cannot be used") as error:
        CaptionFolder(tmp_path, "train", strict=True)
    assert len(error.value.problems) == 4


def test_missing_photo_alone_is_refused_when_strict(tmp_path):
    make(tmp_path, [entry("a.png", "a dog"), entry("missing.png", "a dog")])
    with pytest.raises(DataError, match="1 of 2 files"):
        CaptionFolder(tmp_path, "train", strict=True)
    with pytest.raises(DataError, match="Nothing is left"):
        CaptionFolder(make(tmp_path / "b", [entry("missing.png", "a")]), "train")


def test_captions_in_another_encoding_are_named(tmp_path):
    entries = [entry("a.png", "a café", "a dog")]
    make(tmp_path / "latin", entries, "latin-1")
    with pytest.warns(UserWarning, match="caption 0 is not in UTF-8"):
        reader = CaptionFolder(tmp_path / "latin", "train")
    assert reader.captions == [["a dog"]]
    with pytest.raises(DataError, match="is not in UTF-8. Write it anew"):
        CaptionFolder(make(tmp_path / "wide", entries, "utf-16"), "train")
    reader = CaptionFolder(make(tmp_path / "mark", entries, "utf-8-sig"), "train")
    np.testing.assert_equal(reader.captions, [["a café", "a dog"]])


def test_wrong_files_say_what_was_expected(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*captions.json\.$"):
        CaptionFolder(tmp_path, "train")
    make(tmp_path, [entry("a.png", "a dog")])
    with pytest.raises(ValueError, match="no split 'val'.*Splits found: train"):
        CaptionFolder(tmp_path, "val")
    for text in ("[]", '{"images": [{"file": "a.png"}]}', '{"images": 3}', "{"):
        (tmp_path / "captions.json").write_text(text)
        with pytest.raises(DataError, match='must hold {"images":'):
            CaptionFolder(tmp_path, "train")


def test_sentence_in_place_of_a_list_is_refused_not_cut_into_letters(tmp_path):
    make(tmp_path, [{"file": "a.png", "split": "train", "captions": "a dog"}])
    with pytest.raises(DataError, match=r"captions of a\.png are not a list"):
        CaptionFolder(tmp_path, "train")
