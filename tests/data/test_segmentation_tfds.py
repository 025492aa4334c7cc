import io
import warnings

import numpy as np
import pytest
from PIL import Image

from tfrecvis.data import SegmentationTFDS, batches

tfds = pytest.importorskip("tensorflow_datasets", reason="needs tensorflow-datasets")
# tensorflow-datasets needs it to prepare any set, and up to 4.9.10 does not ask pip
# for it: https://github.com/tensorflow/datasets/issues/11212
pytest.importorskip(
    "importlib_resources",
    reason="tensorflow-datasets needs importlib_resources to prepare a set",
)

COUNT = 5


def pixels(number):
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (6, 8, 3), "uint8"), rng.integers(1, 4, (6, 8), "uint8")


class TinySegmentation(tfds.core.GeneratorBasedBuilder):
    """Labels 1, 2, 3 as the pets have them."""

    VERSION = tfds.core.Version("1.0.0")
    damage = None

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "segmentation_mask": tfds.features.Image(
                        shape=(None, None, 1), use_colormap=True
                    ),
                    "named_mask": tfds.features.LabeledImage(
                        labels=["none", "pet", "ground", "edge"], shape=(None, None, 1)
                    ),
                    "plain_mask": tfds.features.Tensor(shape=(6, 8), dtype=np.uint8),
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(COUNT), "void": self._all_void()}

    def _generate_examples(self, count):
        for number in range(count):
            image, labels = pixels(number)
            mask = labels[..., None]
            data = io.BytesIO()
            Image.fromarray(image).save(data, "png")
            if number == 2 and self.damage == "size":
                mask = mask[:5]
            if number == 2 and self.damage == "corrupt":
                data = io.BytesIO(data.getvalue()[:-60])
            data.seek(0)
            yield (
                number,
                {
                    "image": data,
                    "segmentation_mask": mask,
                    "named_mask": mask,
                    "plain_mask": labels,
                },
            )

    def _all_void(self):
        image, _ = pixels(0)
        mask = np.full((6, 8, 1), 255, "uint8")
        yield (
            0,
            {
                "image": image,
                "segmentation_mask": mask,
                "named_mask": np.zeros_like(mask),
                "plain_mask": mask[..., 0],
            },
        )


def build(folder, damage=None):
    builder = TinySegmentation(data_dir=folder)
    builder.damage = damage
    builder.download_and_prepare()
    return builder


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("tfds"))


def read(builder, **options):
    arguments = {"ignore": 3, "label_offset": -1, **options}
    return SegmentationTFDS(
        None, "train", ["pet", "ground"], builder=builder, **arguments
    )


def by_content(samples):
    """Samples by the number they were made from: TFDS writes them in its own order."""
    images = {pixels(number)[0].tobytes(): number for number in range(COUNT)}
    return {images[sample["image"].tobytes()]: sample for sample in samples}


@pytest.mark.parametrize(
    "labels_key", ["segmentation_mask", "named_mask", "plain_mask"]
)
@pytest.mark.parametrize("cache_bytes", [2**30, 0])
def test_samples_are_those_of_the_builder(builder, cache_bytes, labels_key):
    reader = read(builder, cache_bytes=cache_bytes, labels_key=labels_key)
    samples = list(reader.samples().as_numpy_iterator())
    assert len(samples) == len(reader) == COUNT
    assert reader.problems == []
    found = by_content(samples)
    assert set(found) == set(range(COUNT))
    for number, sample in found.items():
        labels = pixels(number)[1].astype(int)
        expected = np.where(labels == 3, 255, labels - 1)
        np.testing.assert_array_equal(sample["labels"], expected)
        assert sample["labels"].dtype == np.int32
        assert sample["file"].decode().startswith("tiny_segmentation-train")


@pytest.mark.parametrize(
    "cache_bytes", [pytest.param(2**30, marks=pytest.mark.slow), 0]
)
def test_batches_shuffle_and_resume(builder, cache_bytes):
    reader = read(builder, cache_bytes=cache_bytes)

    def sums(**arguments):
        dataset = batches(reader, 1, **arguments)
        return [int(images.numpy().sum()) for images, _ in dataset]

    whole = sums(epochs=3)
    assert sorted(whole[:5]) == sorted(whole[5:10]) == sorted(sums(shuffle=False))
    assert whole[:5] != whole[5:10]
    assert sums(first_epoch=2) == whole[10:]


@pytest.mark.parametrize(
    "cache_bytes", [2**30, pytest.param(0, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("size", "the label map is 8x5 pixels, but its image 8x6"),
        ("corrupt", "the image cannot be decoded"),
    ],
)
def test_bad_sample_is_named_counted_and_left_out(
    tmp_path, damage, reason, cache_bytes
):
    builder = build(tmp_path, damage)
    with pytest.warns(UserWarning, match="1 of 5 files of"):
        reader = read(builder, cache_bytes=cache_bytes)
    [problem] = reader.problems
    assert problem.file.startswith("tiny_segmentation-train")
    assert reason in problem.reason
    assert set(by_content(reader.samples().as_numpy_iterator())) == {0, 1, 3, 4}
    with pytest.raises(ValueError, match=f"(.|\n)*{reason}"):
        read(builder, strict=True)


def test_label_out_of_range_is_named(builder):
    with pytest.raises(ValueError, match=r"5 of 5 files(.|\n)*outside 0..1 and 255"):
        read(builder, ignore=())


def test_class_names_come_from_the_builder_or_the_labels(builder):
    named = SegmentationTFDS(None, "train", builder=builder, labels_key="named_mask")
    assert named.class_names == ["none", "pet", "ground", "edge"]
    plain = SegmentationTFDS(None, "train", builder=builder)
    assert plain.class_names == ["class_0", "class_1", "class_2", "class_3"]


def test_all_void_set_without_names_asks_for_them(builder):
    with pytest.raises(ValueError, match="Pass `class_names`"):
        SegmentationTFDS(None, "void", builder=builder)


def test_part_of_a_split_can_be_read(builder):
    reader = SegmentationTFDS(None, "train[:40%]", builder=builder)
    assert len(reader) == 2


def test_empty_part_of_a_split_is_an_error(builder):
    with pytest.raises(ValueError, match="no sample in"):
        SegmentationTFDS(None, "train[:0]", builder=builder)


def test_unknown_split_and_feature_are_named_with_those_there_are(builder):
    with pytest.raises(ValueError, match="has no split 'test'.*train"):
        SegmentationTFDS(None, "test", builder=builder)
    with pytest.raises(ValueError, match="no feature 'mask'.*`labels_key`"):
        SegmentationTFDS(None, "train", builder=builder, labels_key="mask")


def test_set_that_is_not_prepared_says_how_to_get_it(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        builder = TinySegmentation(data_dir=tmp_path)
    with pytest.raises(ValueError, match="is not prepared.*download=True"):
        SegmentationTFDS(None, "train", builder=builder)
    reader = SegmentationTFDS(None, "train", builder=builder, download=True)
    assert len(reader) == COUNT
