import io

import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import CaptionTFDS, DataError, batches

tfds = pytest.importorskip("tensorflow_datasets", reason="needs tensorflow-datasets")
pytest.importorskip(
    "importlib_resources",
    reason="tensorflow-datasets needs importlib_resources to prepare a set",
)

SIZE = 20, 40
TEXTS = [["A dog."], ["a  cat", "A cat, asleep!"], ["Two dogs."]]


def picture(number):
    return np.random.default_rng(number).integers(0, 256, (*SIZE, 3), "uint8")


class TinyCaptions(tfds.core.GeneratorBasedBuilder):
    """Pictures with the captions of `texts`, in the form of `coco_captions`."""

    VERSION = tfds.core.Version("1.0.0")
    texts, damage, plain = TEXTS, False, False

    def _info(self):
        caption = {"id": np.int64, "text": tfds.features.Text()}
        captions = tfds.features.Text() if self.plain else caption
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "captions": tfds.features.Sequence(captions),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"val": self._generate_examples()}

    def _generate_examples(self):
        for number, texts in enumerate(self.texts):
            data = io.BytesIO()
            Image.fromarray(picture(number)).save(data, "png")
            if self.damage and number == 0:
                data = io.BytesIO(data.getvalue()[:-300])
            data.seek(0)
            if not self.plain:
                texts = [{"id": n, "text": text} for n, text in enumerate(texts)]
            yield number, {"image": data, "captions": texts}


class TinyPlainCaptions(TinyCaptions):
    """The same with captions that are texts."""

    plain = True


def build(folder, kind=TinyCaptions, **changes):
    builder = kind(data_dir=folder)
    for name, value in changes.items():
        setattr(builder, name, value)
    builder.download_and_prepare()
    return builder


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("tfds"))


def said(reader):
    """The captions of each picture by its number."""
    samples = list(reader.samples().as_numpy_iterator())
    pictures = [picture(number) for number in range(len(TEXTS))]
    found = {}
    for sample in samples:
        (number,) = [
            n for n, p in enumerate(pictures) if np.array_equal(sample["image"], p)
        ]
        found[number] = [text.decode() for text in sample["captions"]]
    return found


@pytest.mark.parametrize("cache_bytes", [2**30, 0])
def test_samples_are_those_of_the_builder(builder, cache_bytes):
    reader = CaptionTFDS(None, "val", builder=builder, cache_bytes=cache_bytes)
    assert (reader.load is None) == (cache_bytes == 0)
    assert said(reader) == {0: ["A dog."], 1: ["a cat", "A cat, asleep!"], 2: TEXTS[2]}
    assert sorted(map(len, reader.captions)) == [1, 1, 2]
    assert reader.sizes == [SIZE] * 3 and reader.problems == []
    first = next(reader.samples().as_numpy_iterator())
    assert first["file"].decode().startswith("tiny_captions-val")


def test_captions_may_be_texts(tmp_path):
    reader = CaptionTFDS(None, "val", builder=build(tmp_path, TinyPlainCaptions))
    assert said(reader)[1] == ["a cat", "A cat, asleep!"]


@pytest.mark.parametrize("cache_bytes", [2**30, 0])
def test_batches_hold_resized_images_and_padded_captions(builder, cache_bytes):
    reader = CaptionTFDS(None, "val", (8, 6), builder=builder, cache_bytes=cache_bytes)
    assert reader.sizes == [(8, 6)] * 3
    (batch,) = batches(reader, 3, inputs=None)
    assert batch["image"].shape == (3, 8, 6, 3)
    assert batch["captions"].shape == (3, 2)


def test_what_cannot_be_used_is_named_and_left_out(tmp_path):
    texts = [["A dog."], ["a cat", " . "], ["..."]]
    builder = build(tmp_path, damage=True, texts=texts)
    with pytest.warns(UserWarning) as warned:
        reader = CaptionTFDS(None, "val", builder=builder)
    messages = "\n".join(str(w.message) for w in warned)
    assert "2 of 3" in messages and "2 captions of tiny_captions/1.0.0" in messages
    assert reader.captions == [["a cat"]] and len(reader) == 1
    reasons = " ".join(problem.reason for problem in reader.problems)
    for reason in ("the image ", "has no caption", "caption 1 is empty"):
        assert reason in reasons
    with pytest.raises(DataError):
        CaptionTFDS(None, "val", builder=builder, strict=True)


def test_wrong_names_of_features_and_splits_are_refused(builder):
    with pytest.raises(ValueError, match="no feature 'words'.*`captions_key`"):
        CaptionTFDS(None, "val", builder=builder, captions_key="words")
    with pytest.raises(ValueError, match="no feature 'raw'.*`text_key`"):
        CaptionTFDS(None, "val", builder=builder, text_key="raw")
    with pytest.raises(ValueError, match="no split 'test'"):
        CaptionTFDS(None, "test", builder=builder)
    with pytest.raises(ValueError, match="`image_size`"):
        CaptionTFDS(None, "val", (8, 0), builder=builder)
