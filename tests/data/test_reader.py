import numpy as np
import pytest

from tfrecvis.data import Reader, SyntheticScenes, batches, subset
from tfrecvis.data.reader import remember


class Stream(Reader):
    """Samples in sequence only."""

    load = None

    def __init__(self, count):
        super().__init__(["a"])
        self._inner = Reader(["a"])
        remember(self._inner, [{"tokens": [number, number]} for number in range(count)])

    def __len__(self):
        return len(self._inner)

    def samples(self):
        return self._inner.samples()


def reader_of(count):
    reader = Reader(["a", "b"], colours=[[1, 2, 3], [4, 5, 6]])
    remember(
        reader,
        [{"labels": np.full((2, 3 + number), number)} for number in range(count)],
    )
    reader.files = [f"{number}.png" for number in range(count)]
    return reader


def test_reader_without_classes_has_none():
    reader = Reader()
    remember(reader, [{"captions": ["a dog"]}])
    assert reader.num_classes == 0
    assert reader.colours.shape == (0, 3)
    assert len(reader) == 1


@pytest.mark.parametrize("names", [[], [str(number) for number in range(256)]])
def test_number_of_classes_that_labels_cannot_hold_is_refused(names):
    with pytest.raises(ValueError, match="1 to 255 classes, because 255 is void"):
        Reader(names)


@pytest.mark.parametrize("count", range(1, 12))
def test_subset_is_evenly_spaced_and_always_the_same(count):
    reader = reader_of(11)
    part = reader.subset(count)
    numbers = [sample["labels"][0, 0] for sample in part.samples().as_numpy_iterator()]
    assert len(numbers) == len(part) == count
    gaps = np.diff([*numbers, 11])
    assert numbers[0] == 0
    assert gaps.min() >= 1
    assert np.ptp(gaps) <= 1
    again = [
        sample["labels"].numpy()[0, 0] for sample in subset(reader, count).samples()
    ]
    assert again == numbers
    assert [part.load(index)["labels"].numpy()[0, 0] for index in range(count)] == again


def test_subset_has_what_the_reader_has():
    reader = reader_of(5)
    part = reader.subset(2)
    assert part.class_names == ["a", "b"]
    assert part.colours.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert part.sizes == [(2, 3), (2, 5)]
    assert part.files == ["0.png", "2.png"]
    assert part.subset(1).files == ["0.png"]


def test_subset_of_a_stream_is_a_stream_of_the_same_samples():
    part = Stream(10).subset(4)
    assert part.load is None
    tokens = [sample["tokens"][0] for sample in part.samples().as_numpy_iterator()]
    assert tokens == [0, 2, 5, 7]
    found = [
        int(token)
        for batch in batches(part, 2, inputs="tokens", targets=None)
        for token in batch[:, 0]
    ]
    assert sorted(found) == tokens


def test_batches_of_a_subset_are_shuffled_and_whole():
    part = SyntheticScenes("train", count=6, size=48).subset(4)
    files = [
        file.decode()[-1]
        for batch in batches(part, 2, inputs=None).as_numpy_iterator()
        for file in batch["file"]
    ]
    assert sorted(files) == ["0", "1", "3", "4"]


@pytest.mark.parametrize("count", [0, -1, 2.5, True, "3"])
def test_count_that_is_no_number_of_samples_is_refused(count):
    with pytest.raises(ValueError, match="`count` must be an integer of at least 1"):
        reader_of(3).subset(count)


def test_subset_larger_than_the_reader_is_refused():
    with pytest.raises(ValueError, match="than the 3 that there are.*count=4"):
        reader_of(3).subset(4)
