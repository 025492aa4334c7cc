import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.data import (
    Augmentation,
    Reader,
    SyntheticScenes,
    batches,
    class_frequencies,
    steps_per_epoch,
)
from tfrecvis.data.reader import remember


class Numbered(Reader):
    """Samples whose pixels all hold the sample's number."""

    def __init__(self, sizes):
        super().__init__([f"class_{number}" for number in range(len(sizes))])
        remember(
            self,
            [
                {
                    "image": np.full((*size, 3), number, "uint8"),
                    "labels": np.full(size, number),
                    "file": f"{number}",
                }
                for number, size in enumerate(sizes)
            ],
        )


class Stream:
    """The least that a reader must have: no `load`, no `sizes`."""

    problems = []

    def __init__(self, reader):
        self.reader = reader
        self.class_names, self.num_classes = reader.class_names, reader.num_classes

    def __len__(self):
        return len(self.reader)

    def samples(self):
        return self.reader.samples()


def order(reader, **arguments):
    """The numbers in each batch."""
    found = []
    for images, labels in batches(reader, **arguments).as_numpy_iterator():
        assert images.dtype == np.uint8
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(images[..., 0], labels)
        found.append(labels[:, 0, 0].tolist())
    return found


@pytest.fixture(params=["random access", "stream"])
def reader(request):
    reader = Numbered([(3, 4)] * 11)
    return reader if request.param == "random access" else Stream(reader)


def test_every_epoch_holds_every_sample_once(reader):
    found = order(reader, batch_size=4, epochs=3)
    assert [len(batch) for batch in found] == [4, 4, 3] * 3
    for epoch in range(3):
        assert sorted(sum(found[3 * epoch : 3 * epoch + 3], [])) == list(range(11))


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), 5])
def test_order_does_not_depend_on_the_global_seed(reader, seed):
    expected = order(reader, batch_size=4, epochs=2)
    try:
        tf.random.set_seed(seed)  # as keras.utils.set_random_seed does
        assert order(reader, batch_size=4, epochs=2) == expected
    finally:
        tf.random.set_seed(None)


def test_epochs_differ_from_one_another(reader):
    found = order(reader, batch_size=11, epochs=4)
    assert len({tuple(epoch) for epoch in found}) == 4


def test_resumed_run_sees_the_order_it_would_have_seen(reader):
    whole = order(reader, batch_size=4, epochs=5, seed=3)
    assert order(reader, batch_size=4, first_epoch=2, epochs=3, seed=3) == whole[6:]


def test_other_seed_gives_another_order(reader):
    assert order(reader, batch_size=11, seed=0) != order(reader, batch_size=11, seed=1)


def test_order_without_shuffle_is_the_readers(reader):
    expected = [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    assert order(reader, batch_size=6, shuffle=False) == expected


def test_cardinality_tells_fit_how_many_steps_there_are(reader):
    dataset = batches(reader, 4, epochs=3)
    assert int(dataset.cardinality()) == 9 == 3 * steps_per_epoch(reader, 4)


def test_dropped_remainder_leaves_whole_batches(reader):
    found = order(reader, batch_size=4, epochs=2, drop_remainder=True)
    assert [len(batch) for batch in found] == [4] * 4


def test_augmentation_is_a_pure_function_of_seed_epoch_and_sample():
    reader = SyntheticScenes("train", 6, size=48)
    augmentation = Augmentation(40, True, (0.7, 1.5), 0.2, 0.2, 0.2)

    def images(**arguments):
        dataset = batches(reader, 2, augmentation, **arguments)
        return [images for images, _ in dataset.as_numpy_iterator()]

    whole = images(epochs=2)
    np.testing.assert_array_equal(images(first_epoch=1), whole[3:])
    assert whole[0].shape == (2, 40, 40, 3)
    # Out of their shuffled order, the same samples are changed in the same way.
    in_order = np.concatenate(images(shuffle=False))
    by_sum = sorted(np.concatenate(whole[:3]).sum(axis=(1, 2, 3)))
    assert by_sum == sorted(in_order.sum(axis=(1, 2, 3)))


def test_shape_is_static_where_all_images_have_one_size():
    spec = batches(Numbered([(3, 4)] * 2), 2).element_spec
    assert spec[0].shape.as_list() == [None, 3, 4, 3]
    assert spec[1].shape.as_list() == [None, 3, 4]


def test_one_image_makes_one_batch():
    assert order(Numbered([(3, 4)]), batch_size=8, epochs=2) == [[0], [0]]


def test_images_of_different_sizes_are_named_before_any_batch():
    with pytest.raises(ValueError, match=r"sample 0 is \(3, 4\), sample 2 is \(5, 2\)"):
        batches(Numbered([(3, 4), (3, 4), (5, 2)]), 2)


def test_images_of_different_sizes_in_a_stream_fail_with_what_to_do():
    dataset = batches(Stream(Numbered([(3, 4), (5, 2)])), 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Pass pad=True"):
        list(dataset)


def test_padding_fills_with_black_and_void_at_the_right_and_the_bottom():
    reader = Numbered([(3, 4), (5, 2)])
    dataset = batches(reader, 2, pad=True, shuffle=False)
    [(images, labels)] = dataset.as_numpy_iterator()
    assert images.shape == (2, 5, 4, 3)
    assert (labels[0, :3, :4] == 0).all()
    assert (labels[1, :5, :2] == 1).all()
    assert (labels == 255).sum() == 2 * 20 - 12 - 10
    assert (images[labels == 255] == 0).all()


def test_different_sizes_pass_one_at_a_time_and_through_a_crop():
    reader = Numbered([(3, 4), (5, 2)])
    shapes = {tuple(images.shape) for images, _ in batches(reader, 1)}
    assert shapes == {(1, 3, 4, 3), (1, 5, 2, 3)}
    [(images, _)] = batches(reader, 2, Augmentation(crop_size=(3, 2)))
    assert images.shape == (2, 3, 2, 3)


def test_own_augmentation_function_is_called_with_a_seed_of_its_own():
    def own(sample, seed):
        labels = tf.fill([2, 2], tf.random.stateless_uniform([], seed, 0, 99, tf.int32))
        return {**sample, "image": sample["image"][:2, :2], "labels": labels}

    [(_, labels)] = batches(Numbered([(3, 4)] * 5), 5, own)
    assert len(set(labels[:, 0, 0].numpy())) > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be an integer of at least 1"),
        ({"batch_size": 2, "epochs": 0}, "`epochs` 1 or more"),
        ({"batch_size": 2, "first_epoch": -1}, "`first_epoch` must be 0"),
        ({"batch_size": 9, "drop_remainder": True}, "3 samples make no batch of 9"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        batches(Numbered([(3, 4)] * 3), **arguments)


def test_empty_reader_is_refused():
    with pytest.raises(ValueError, match="0 samples make no batch"):
        steps_per_epoch([], 4)


def test_class_frequencies_count_pixels_and_leave_out_void():
    reader = Reader(["a", "b", "c"])
    image, labels = np.zeros((2, 3, 3), "uint8"), np.array([[0, 0, 1], [255, 1, 0]])
    samples = [
        {"image": image, "labels": labels} for labels in (labels, 0 * labels + 1)
    ]
    remember(reader, samples)
    counts, shown = class_frequencies(reader, image_pixels=True)
    assert counts.tolist() == [3, 8, 0]
    # "a" is only in the first image, which has 5 labelled pixels.
    assert shown.tolist() == [5, 11, 0]
    assert class_frequencies(reader).tolist() == [3, 8, 0]
