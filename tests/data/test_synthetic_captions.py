import itertools

import numpy as np
import pytest

from tfrecvis.data import SyntheticCaptions
from tfrecvis.data.scene_sentences import (
    COLOURS,
    PARAPHRASES,
    SHAPES,
    SIZES,
    mentions,
    things_of,
)

MEANING = {said: meant for meant, said in PARAPHRASES.items()}
SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def readers():
    return {split: SyntheticCaptions(split, count=120) for split in SPLITS}


def samples(reader):
    for sample in reader.samples().as_numpy_iterator():
        yield sample, [caption.decode() for caption in sample["captions"]]


def named(caption):
    """By shape, the size and the colour that a sentence gives it."""
    words = caption.split()
    found = {}
    for shape, places in mentions(caption):
        size, colour, _ = (words[place] for place in places)
        found[shape] = MEANING.get(size, size), colour
    return found


def test_held_out_objects_are_new_and_all_pairs_of_their_words_are_not():
    trained, *others = (set(things_of(split)) for split in SPLITS)
    assert not trained & others[0] and not trained & others[1]
    assert not others[0] & others[1]
    assert len(trained | others[0] | others[1]) == 96
    pairs = {pair for thing in trained for pair in itertools.combinations(thing, 2)}
    for thing in others[0] | others[1]:
        assert set(itertools.combinations(thing, 2)) <= pairs
    assert {thing.shape for thing in others[0]} == set(SHAPES)


def test_scenes_of_a_split_show_its_objects_only(readers):
    for split, reader in readers.items():
        known = set(things_of(split))
        for _, captions in samples(reader):
            for shape, (size, colour) in named(captions[0]).items():
                assert (size, colour, SHAPES[shape]) in known


def test_every_word_of_the_held_out_sentences_is_in_training(readers):
    train, val, test = (
        {
            word
            for _, found in samples(readers[split])
            for c in found
            for word in c.split()
        }
        for split in SPLITS
    )
    assert val <= train and test <= train
    assert {*SIZES, *COLOURS, *SHAPES, "little", "large", "over", "under"} <= train


def test_five_sentences_name_the_same_objects(readers):
    for sample, captions in samples(readers["train"]):
        assert len(set(captions)) == 5
        assert sorted(named(captions[0])) == sorted(sample["classes"].tolist())
        assert len(set(sample["classes"].tolist())) == len(sample["classes"])
        for caption in captions[1:]:
            assert named(caption) == named(captions[0])
        colours = [colour for _, colour in named(captions[0]).values()]
        assert len(set(colours)) == len(colours)


def test_relations_of_all_sentences_are_true_of_the_boxes(readers):
    signs = {"left of": (0, 1), "right of": (0, -1), "above": (1, 1), "below": (1, -1)}
    for sample, captions in samples(readers["train"]):
        boxes = dict(zip(sample["classes"].tolist(), sample["boxes"], strict=True))
        for caption in captions:
            text = caption.replace("to the ", "")
            for said in ("over", "under"):
                text = text.replace(f" {said} ", f" {MEANING[said]} ")
            # After "and" and "which is", the relation is of another object.
            words = text.split()
            found = mentions(text)
            places = {shape: where[-1] for shape, where in found}
            order = [shape for shape, _ in found]
            subject = order[0]
            for shape in order[1:]:
                between = " ".join(words[: places[shape]])
                if "which" in between and shape == order[2]:
                    subject = order[1]
                relation = max(signs, key=between.rfind)
                axis, sign = signs[relation]
                middles = [(b[:2] + b[2:]) / 2 for b in (boxes[subject], boxes[shape])]
                gap = middles[1] - middles[0]
                assert gap[axis] * sign > abs(gap[1 - axis]) + 5, caption


def test_boxes_lie_around_pixels_of_the_colour_that_is_named(readers):
    for sample, captions in samples(readers["train"]):
        of_shape = named(captions[0])
        for shape, box in zip(sample["classes"], sample["boxes"], strict=True):
            x0, y0, x1, y1 = box.astype(int)
            assert 0 <= x0 < x1 <= 64 and 0 <= y0 < y1 <= 64
            colour = np.array(COLOURS[of_shape[shape][1]])
            distance = np.abs(sample["image"].astype(int) - colour).max(-1)
            rows, columns = np.nonzero(distance < 40)
            around = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            # Pixels that are half covered look like neither: thin tips have two.
            assert np.abs(np.array(around) - box).max() <= 2
            big = of_shape[shape][0] == "big"
            assert (max(x1 - x0, y1 - y0) > 13) == big


def test_words_that_name_an_object_are_found_in_any_sentence():
    found = mentions("there is a big red ring which is over a square")
    assert found == [(SHAPES.index("ring"), [3, 4, 5]), (SHAPES.index("square"), [10])]
    assert mentions("a big big red") == [] and mentions("") == []


def test_scenes_are_a_function_of_split_seed_and_number():
    def first(**changes):
        reader = SyntheticCaptions(**{"split": "val", "count": 2, **changes})
        return next(reader.samples().as_numpy_iterator())

    again = first()
    for name, value in first(count=1).items():
        np.testing.assert_array_equal(value, again[name])
    for changes in ({"seed": 1}, {"split": "test"}):
        assert (first(**changes)["image"] != again["image"]).any()


def test_drawing_fits_other_sizes():
    reader = SyntheticCaptions("train", count=30, size=(48, 97))
    for sample, _ in samples(reader):
        assert sample["image"].shape == (48, 97, 3)
        assert (sample["boxes"] <= [97, 48, 97, 48]).all()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="no split 'holdout'.*'train', 'val' or"):
        SyntheticCaptions("holdout")
    with pytest.raises(ValueError, match="`count` must be 1 or more"):
        SyntheticCaptions(count=0)
    with pytest.raises(ValueError, match="at least 48 pixels"):
        SyntheticCaptions(size=32)
