import numpy as np
import pytest

from tfrecvis.data import SyntheticClips, batches

MOVES = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
TURNS = {"clockwise": 1, "counter_clockwise": -1}


@pytest.fixture(scope="module")
def reader():
    return SyntheticClips("train", count=120, frames=8, size=(32, 40))


def samples(reader):
    return list(reader.samples().as_numpy_iterator())


def centre(frame):
    """Where the disc is, (row, column), on an image whose borders meet."""
    bright = frame.max(-1) > 90
    found = []
    for axis, side in enumerate(bright.shape):
        turns = np.exp(2j * np.pi * np.nonzero(bright)[axis] / side)
        found.append(np.angle(turns.mean()) / (2 * np.pi) % 1 * side)
    return np.array(found)


def steps(clip):
    """How far the disc goes from each frame to the next one, the shorter way."""
    places = np.array([centre(frame) for frame in clip])
    size = np.array(clip.shape[1:3])
    return (np.diff(places, axis=0) + size / 2) % size - size / 2


def test_disc_moves_as_the_class_says(reader):
    seen = set()
    for sample in samples(reader):
        name = reader.class_names[sample["class"]]
        seen.add(name)
        moved = steps(sample["clip"])
        if name in MOVES:
            along = moved @ MOVES[name]
            assert (np.abs(moved).sum(1) - along < 0.8).all(), name
            assert along.mean() == pytest.approx(3, abs=1.2)
        else:
            # Rows grow downwards: a turn to the right is clockwise.
            before, after = moved[:-1], moved[1:]
            turn = before[:, 1] * after[:, 0] - before[:, 0] * after[:, 1]
            assert np.sign(turn.mean()) == TURNS[name]
    assert seen == {*MOVES, *TURNS}


def test_single_frame_says_nothing_of_the_class():
    reader = SyntheticClips("train", count=600, frames=4, size=16)
    turns = {label: [] for label in range(6)}
    for sample in samples(reader):
        for frame in (sample["clip"][0], sample["clip"][-1]):
            place = np.exp(2j * np.pi * centre(frame) / 16)
            turns[int(sample["class"])].append(place)
    for found in turns.values():
        assert len(found) == 200
        # The mean of n directions at random is of length 1 / sqrt(n), or about that.
        assert (np.abs(np.mean(found, 0)) < 4 / np.sqrt(100)).all()


def test_clips_differ_in_length_and_no_pixel_is_padding(reader):
    lengths = {len(sample["clip"]) for sample in samples(reader)}
    assert lengths == {6, 7, 8}
    assert all((sample["clip"] > 0).all() for sample in samples(reader))
    (first,) = batches(reader, 120, inputs=None, shuffle=False).as_numpy_iterator()
    assert first["clip"].shape == (120, 8, 32, 40, 3)
    for clip, sample in zip(first["clip"], samples(reader), strict=True):
        length = len(sample["clip"])
        np.testing.assert_array_equal(clip[:length], sample["clip"])
        assert (clip[length:] == 0).all()


def test_clips_are_a_function_of_split_number_and_seed():
    arguments = {"count": 3, "frames": 4, "size": 16}
    first, again = (SyntheticClips("train", **arguments) for _ in range(2))
    others = [SyntheticClips("val", **arguments)]
    others.append(SyntheticClips("train", **arguments, seed=1))
    for number, sample in enumerate(samples(first)):
        np.testing.assert_array_equal(sample["clip"], samples(again)[number]["clip"])
        for other in others:
            clip = samples(other)[number]["clip"]
            assert not np.array_equal(sample["clip"], clip)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "`count`"),
        ({"frames": 3}, "`frames`.*at least 4"),
        ({"size": 15}, "`size`.*at least 16"),
        ({"size": (16, 8)}, "`size`.*at least 16"),
        ({"seed": -1}, "`seed`"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SyntheticClips("train", **{"count": 1, **arguments})
