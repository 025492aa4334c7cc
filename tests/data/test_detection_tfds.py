import io

import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import DataError, DetectionTFDS, batches

tfds = pytest.importorskip("tensorflow_datasets", reason="needs tensorflow-datasets")
pytest.importorskip(
    "importlib_resources",
    reason="tensorflow-datasets needs importlib_resources to prepare a set",
)

COUNT = 4
SIZE = 20, 40
BOXES = [[0.0, 0.25, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0], [0.2, 0.1, 0.4, 0.3]]


def picture(number):
    return np.random.default_rng(number).integers(0, 256, (*SIZE, 3), "uint8")


class TinyDetection(tfds.core.GeneratorBasedBuilder):
    """Picture n has n boxes; the last one of three has no area where `damage` says."""

    VERSION = tfds.core.Version("1.0.0")
    damage = False

    def _info(self):
        objects = {
            "bbox": tfds.features.BBoxFeature(),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
            "number": np.int64,
            "is_crowd": np.bool_,
        }
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "objects": tfds.features.Sequence(objects),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(COUNT):
            data = io.BytesIO()
            Image.fromarray(picture(number)).save(data, "png")
            boxes = [list(box) for box in BOXES[:number]]
            if self.damage and number == 3:
                boxes[2][3] = boxes[2][1]
            if self.damage and number == 1:
                data = io.BytesIO(data.getvalue()[:-300])
            data.seek(0)
            yield (
                number,
                {
                    "image": data,
                    "objects": [
                        {
                            "bbox": tfds.features.BBox(*box),
                            "label": n % 2,
                            "number": n,
                            "is_crowd": n == 1,
                        }
                        for n, box in enumerate(boxes)
                    ],
                },
            )


def build(folder, damage=False):
    builder = TinyDetection(data_dir=folder)
    builder.damage = damage
    builder.download_and_prepare()
    return builder


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("tfds"))


@pytest.mark.parametrize("cache_bytes", [2**30, 0])
def test_samples_are_those_of_the_builder_in_pixels(builder, cache_bytes):
    reader = DetectionTFDS(None, "train", builder=builder, cache_bytes=cache_bytes)
    assert (reader.load is None) == (cache_bytes == 0)
    assert reader.class_names == ["cat", "dog"]
    assert reader.problems == []
    samples = list(reader.samples().as_numpy_iterator())
    assert len(samples) == len(reader) == COUNT
    for sample in samples:
        number = len(sample["boxes"])
        np.testing.assert_array_equal(sample["image"], picture(number))
        # ymin, xmin, ymax, xmax in shares become x1, y1, x2, y2 in pixels.
        wanted = [[40 * b, 20 * a, 40 * d, 20 * c] for a, b, c, d in BOXES[:number]]
        np.testing.assert_allclose(sample["boxes"], np.reshape(wanted, (-1, 4)), 1e-5)
        assert sample["classes"].tolist() == [0, 1, 0][:number]
        assert sample["difficult"].tolist() == [False, True, False][:number]
        assert sample["file"].decode().startswith("tiny_detection-train")


def test_batches_pad_boxes(builder):
    reader = DetectionTFDS(None, "train", builder=builder)
    (batch,) = batches(reader, COUNT, inputs=None)
    assert batch["boxes"].shape == (COUNT, 3, 4)
    assert sorted(np.sum(batch["classes"] >= 0, 1)) == [0, 1, 2, 3]


def test_broken_images_and_boxes_are_named_and_left_out(tmp_path):
    builder = build(tmp_path, damage=True)
    with pytest.warns(UserWarning) as warned:
        reader = DetectionTFDS(None, "train", builder=builder)
    messages = " ".join(str(w.message) for w in warned)
    assert "1 of 4" in messages
    assert "1 boxes of tiny_detection/1.0.0, split train" in messages
    assert [p.reason.split(",")[0] for p in reader.problems][1:] == [
        "has a box without area"
    ]
    counts = [len(s["boxes"]) for s in reader.samples().as_numpy_iterator()]
    assert sorted(counts) == [0, 2, 2]
    with pytest.raises(DataError):
        DetectionTFDS(None, "train", builder=builder, strict=True)


def test_unknown_set_is_named_and_not_all_others():
    with pytest.raises(DataError, match="no set 'vocc'. Did you mean voc") as error:
        DetectionTFDS("vocc", "train")
    assert len(str(error.value)) < 150


def test_wrong_names_of_features_are_refused(builder):
    with pytest.raises(ValueError, match="no feature 'things'.*`objects_key`"):
        DetectionTFDS(None, "train", builder=builder, objects_key="things")
    with pytest.raises(ValueError, match="no feature 'breed'.*`label_key`"):
        DetectionTFDS(None, "train", builder=builder, label_key="breed")
    with pytest.raises(DataError, match="have no names"):
        DetectionTFDS(None, "train", builder=builder, label_key="number")
