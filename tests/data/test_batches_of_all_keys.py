import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.data import (
    SAMPLE_KEYS,
    Augmentation,
    DataError,
    Reader,
    SyntheticScenes,
    SyntheticSuperpixels,
    batches,
    steps_per_epoch,
)
from tfrecvis.data.reader import remember

SIZES = [(4, 6, 2), (5, 3, 0), (4, 4, 3)]  # height, width, number of boxes


def reader_of(sizes=SIZES):
    samples = []
    for number, (height, width, count) in enumerate(sizes):
        fill = number + 1
        samples.append(
            {
                "image": np.full((height, width, 3), fill),
                "clip": np.full((count + 1, height, width, 3), fill),
                "labels": np.full((height, width), fill),
                "superpixels": np.full((height, width), fill),
                "depth": np.full((height, width), fill, "float32"),
                "masks": np.ones((count, height, width), "uint8"),
                "boxes": np.tile(np.float32([0, 0, width, height]), (count, 1)),
                "regions": np.full((count + 1, 4), fill, "float32"),
                "classes": np.full(count, fill),
                "difficult": np.ones(count, bool),
                "class": np.int32(fill),
                "tokens": np.full(count + 1, fill),
                "answer": np.full(1, fill),
                "captions": np.array(["x"] * count, object),
                "question": "?",
                "features": np.full((count, 2), fill, "float32"),
                "neighbours": np.full((count, count), fill),
                "confidence": np.full(count, fill, "float32"),
                "nodes": np.ones(count, bool),
                "node_labels": np.full(count, fill),
                "file": f"{number}",
                "image_size": np.array([height, width]),
            }
        )
    reader = Reader([f"class_{number}" for number in range(5)])
    remember(reader, samples)
    return reader


def plain(array):
    """Strings as NumPy's own, which `==` compares one by one."""
    array = np.asarray(array)
    return array.astype("S") if array.dtype.kind in "OS" else array


def test_batch_holds_every_key_padded_with_its_own_padding():
    reader = reader_of()
    assert set(next(iter(reader.samples()))) == set(SAMPLE_KEYS)
    dataset = batches(reader, 3, inputs=None, pad=True, shuffle=False)
    [batch] = dataset.as_numpy_iterator()
    assert set(batch) == set(SAMPLE_KEYS)
    samples = list(reader.samples().as_numpy_iterator())
    for name, key in SAMPLE_KEYS.items():
        values = plain(batch[name])
        assert len(values) == 3
        for number, sample in enumerate(samples):
            expected = plain(sample[name])
            rest = np.ones(values.shape[1:], bool)
            inner = tuple(slice(side) for side in expected.shape)
            np.testing.assert_array_equal(np.asarray(values[number])[inner], expected)
            rest[inner] = False
            padding = plain(tf.constant(key.padding, key.dtype).numpy())
            assert (np.asarray(values[number])[rest] == padding).all(), name
    assert batch["image"].shape == (3, 5, 6, 3)
    assert batch["masks"].shape == (3, 3, 5, 6)


def test_keys_are_picked_alone_or_as_a_dict():
    reader = reader_of([(4, 6, 2)] * 2)
    [(image, boxes)] = batches(reader, 2, inputs="image", targets="boxes")
    assert image.shape == (2, 4, 6, 3)
    assert boxes.shape == (2, 2, 4)
    dataset = batches(
        reader, 2, inputs=["image", "depth"], targets=["labels", "classes"]
    )
    [(inputs, targets)] = dataset
    assert list(inputs) == ["image", "depth"]
    assert list(targets) == ["labels", "classes"]
    [tokens] = batches(reader, 2, inputs="tokens", targets=None)
    assert tokens.shape == (2, 3)


def test_images_of_different_sizes_do_not_matter_where_no_image_is_picked():
    found = list(batches(reader_of(), 3, inputs="tokens", targets="class"))
    assert found[0][0].shape == (3, 4)


def test_sizes_that_all_samples_share_are_static():
    spec = batches(reader_of([(4, 6, 2)] * 3), 2, inputs=None).element_spec
    for name, key in SAMPLE_KEYS.items():
        assert spec[name].shape.rank == 1 + len(key.axis_names)
        assert None not in spec[name].shape.as_list()[1:]
    spec = batches(reader_of([(4, 6, 2), (4, 6, 1)]), 2, inputs=None).element_spec
    assert spec["masks"].shape.as_list() == [None, None, 4, 6]
    assert spec["boxes"].shape.as_list() == [None, None, 4]


def test_pad_to_fixes_sizes_and_refuses_more():
    reader = reader_of([(4, 6, 2), (4, 6, 3)])
    dataset = batches(reader, 2, inputs=None, pad_to={"boxes": 5, "steps": 7})
    assert dataset.element_spec["masks"].shape.as_list() == [None, 5, 4, 6]
    [batch] = dataset.as_numpy_iterator()
    assert batch["boxes"].shape == (2, 5, 4)
    assert batch["tokens"].shape == (2, 7)
    assert sorted((batch["classes"] == -1).sum(1)) == [2, 3]
    with pytest.raises(tf.errors.InvalidArgumentError, match="more boxes than there"):
        list(batches(reader, 2, inputs=None, pad_to={"boxes": 2}))
    same = reader_of([(4, 6, 2)] * 2)  # static already, and longer is asked for
    [batch] = batches(same, 2, inputs=["boxes"], targets=None, pad_to={"boxes": 4})
    assert batch["boxes"].shape == (2, 4, 4)


def test_augmented_boxes_of_different_numbers_share_a_batch():
    reader = reader_of([(8, 8, 4)] * 6)
    dataset = batches(reader, 3, Augmentation(crop_size=5, flip=True), inputs=None)
    for batch in dataset.as_numpy_iterator():
        assert batch["masks"].shape[2:] == (5, 5)
        assert (batch["image_size"] == 5).all()


@pytest.mark.parametrize(
    "steps", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3, 9))]
)
def test_steps_limit_every_epoch_and_leave_its_order_alone(steps):
    reader = SyntheticScenes("train", count=7, size=48)

    def files(**arguments):
        dataset = batches(reader, 3, inputs=None, epochs=3, seed=2, **arguments)
        return dataset, [b["file"].tolist() for b in dataset.as_numpy_iterator()]

    whole = files()[1]
    dataset, found = files(steps=steps)
    each = min(steps, 3)
    expected = [whole[3 * epoch + step] for epoch in range(3) for step in range(each)]
    assert found == expected
    assert int(dataset.cardinality()) == 3 * each
    assert steps_per_epoch(reader, 3, steps=steps) == each
    resumed = batches(reader, 3, inputs=None, first_epoch=2, seed=2, steps=steps)
    assert [b["file"].tolist() for b in resumed.as_numpy_iterator()] == found[
        2 * each :
    ]


def test_own_augmentation_that_gives_different_sizes_is_caught():
    def own(sample, seed):
        side = tf.random.stateless_uniform([], seed, 1, 4, tf.int32)
        return {
            "image": sample["image"][:side],
            "labels": sample["labels"][:side],
        }

    reader = reader_of([(4, 4, 0)] * 8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="cannot share a batch"):
        list(batches(reader, 8, own))
    [(images, labels)] = batches(reader, 8, own, pad=True)
    assert images.shape[1] == labels.shape[1] <= 3


def test_own_augmentation_may_branch_on_tensors():
    def own(sample, seed):
        if tf.random.stateless_uniform([], seed) < 0.5:
            labels = sample["labels"] * 0
        else:
            labels = sample["labels"]
        return {**sample, "labels": labels}

    [(_, labels)] = batches(reader_of([(4, 4, 0)] * 8), 8, own)
    assert len(np.unique(labels)) > 2


def test_fit_learns_from_any_keys():
    graphs = SyntheticSuperpixels("train", count=8, nodes=12)
    inputs = keras.Input((12, 6), name="features")
    model = keras.Model({"features": inputs}, keras.layers.Dense(4)(inputs))
    from tfrecvis.losses import SegmentationCrossEntropy

    model.compile("sgd", SegmentationCrossEntropy())
    data = batches(graphs, 4, inputs=["features"], targets="node_labels", epochs=2)
    steps = steps_per_epoch(graphs, 4)
    history = model.fit(data, epochs=2, steps_per_epoch=steps, verbose=0).history
    assert np.isfinite(history["loss"]).all()


class Misnamed(Reader):
    """A reader whose samples have a key that there is not."""

    sizes = [(2, 2)]

    def load(self, index):
        image = tf.zeros([2, 2, 3], tf.uint8)
        return {"image": image, "lables": tf.zeros([2, 2], tf.int32)}

    def __init__(self):
        self.problems = []

    def __len__(self):
        return 1


def test_unknown_key_of_a_reader_or_an_augmentation_is_refused_by_name():
    with pytest.raises(ValueError, match="'lables' .* Did you mean 'labels'"):
        batches(Misnamed(), 1)
    with pytest.raises(ValueError, match="'extra' is no key of a sample"):
        batches(reader_of(), 1, lambda sample, seed: {**sample, "extra": seed})
    with pytest.raises(ValueError, match="`labels` .* must be int32"):
        batches(
            reader_of(),
            1,
            lambda sample, seed: {"labels": tf.cast(sample["labels"], tf.int64)},
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": "pixels"}, "'pixels' is no key of a sample"),
        ({"targets": ["labels", "dept"]}, "Did you mean 'depth'"),
        ({"targets": "boxes"}, "no `boxes`. They have: image, labels, file"),
        ({"inputs": None, "targets": "image"}, "With inputs=None .* targets='image'"),
        ({"steps": 0}, "`steps` must be an integer of at least 1"),
        ({"pad_to": {"boxes": 3}}, "axes of the batch: height, width. .*'boxes'"),
        ({"pad_to": {"height": 0}}, r"`pad_to\['height'\]` must be an integer"),
    ],
)
def test_wrong_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        batches(SyntheticScenes("train", count=2, size=48), 2, **arguments)


def test_sizes_that_differ_are_an_error_whose_text_is_free_of_python():
    with pytest.raises(DataError) as caught:
        batches(reader_of(), 3)
    assert "pad=True" in caught.value.hint
    assert "pad" not in caught.value.text
