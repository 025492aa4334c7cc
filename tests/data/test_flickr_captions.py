import pytest
from PIL import Image

from tfrecvis.data import DataError, FlickrCaptions

TOKENS = "b.jpg#0\tA cat .\na.jpg#0\tA dog .\na.jpg#1\tTwo # dogs\tthere\n"


def make(root, tokens=TOKENS, photos=("a.jpg", "b.jpg"), lists=None):
    (root / "images").mkdir(parents=True)
    for name in photos:
        Image.new("RGB", (30, 20)).save(root / "images" / name)
    data = tokens if isinstance(tokens, bytes) else tokens.encode()
    (root / "Flickr8k.token.txt").write_bytes(data)
    for name, text in (lists or {"train.txt": "a.jpg\nb.jpg\n\n"}).items():
        (root / name).write_text(text)
    return root


def test_captions_of_the_listed_photos_in_the_order_of_the_list(tmp_path):
    reader = FlickrCaptions(make(tmp_path), "train", strict=True)
    assert reader.captions == [["A dog .", "Two # dogs there"], ["A cat ."]]
    first, _ = reader.samples().as_numpy_iterator()
    assert first["image"].shape == (20, 30, 3)
    assert reader.sizes == [(20, 30)] * 2


def test_files_may_stay_where_the_archives_put_them(tmp_path):
    lists = {"Flickr_8k.trainImages.txt": "a.jpg\n", "Flickr_8k.devImages.txt": "b.jpg"}
    make(tmp_path, lists=lists)
    text = tmp_path / "Flickr8k_text"
    text.mkdir()
    for name in (*lists, "Flickr8k.token.txt"):
        (tmp_path / name).rename(text / name)
    (text / "Flickr8k.lemma.token.txt").write_text("b.jpg#0\tcat .\n")
    (tmp_path / "images").rename(tmp_path / "Flicker8k_Dataset")
    assert FlickrCaptions(tmp_path, "train").captions[0][0] == "A dog ."
    assert FlickrCaptions(tmp_path, "val").captions == [["A cat ."]]


def test_what_cannot_be_used_is_named(tmp_path):
    tokens = TOKENS.encode() + b"no tab here\r\nb.jpg#1\ta caf\xe9\r\nb.jpg#2\t\r\n"
    lists = {"train.txt": "a.jpg\nb.jpg\nc.jpg\nd.jpg\n"}
    make(tmp_path, tokens, ("a.jpg", "b.jpg", "d.jpg"), lists)
    with pytest.warns(UserWarning) as warned:
        reader = FlickrCaptions(tmp_path, "train")
    text = "\n".join(str(warning.message) for warning in warned)
    assert "3 captions of" in text and "2 of 4 files" in text
    found = {(p.file.rpartition("/")[2], p.reason) for p in reader.problems}
    assert found == {
        ("Flickr8k.token.txt", "line 4 is not `photo#number<tab>sentence`"),
        ("b.jpg", "caption 1 is not in UTF-8"),
        ("b.jpg", "caption 2 is empty"),
        ("c.jpg", "is missing"),
        ("d.jpg", "has no caption"),
    }
    assert reader.captions[1] == ["A cat ."]
    with pytest.raises(DataError, match="line 4 is not"):
        FlickrCaptions(tmp_path, "train", strict=True)


def test_missing_files_say_what_was_expected(tmp_path):
    make(tmp_path / "a")
    with pytest.raises(ValueError, match="no list of the split 'val'.*devImages.txt"):
        FlickrCaptions(tmp_path / "a", "val")
    (tmp_path / "a" / "train.txt").write_text("\n")
    with pytest.raises(DataError, match="is empty"):
        FlickrCaptions(tmp_path / "a", "train")
    make(tmp_path / "b")
    (tmp_path / "b" / "images").rename(tmp_path / "b" / "photos")
    with pytest.raises(ValueError, match="no folder of photos.*Flicker8k_Dataset"):
        FlickrCaptions(tmp_path / "b", "train")
    (tmp_path / "b" / "Flickr8k.token.txt").unlink()
    with pytest.raises(ValueError, match=r"no file of captions, \*.token"):
        FlickrCaptions(tmp_path / "b", "train")
