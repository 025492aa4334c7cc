"""Drawn clips of a moving disc: only the order of frames shows what it does."""

import numpy as np

from tfrecvis.data.reader import Reader, remember
from tfrecvis.data.synthetic_scenes import scene_generator
from tfrecvis.ops.checks import as_pair, check_integer

# Pixels down and to the right in a step, of length 1.
_STEPS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
_TURNS = {"clockwise": 1, "counter_clockwise": -1}  # as seen, rows growing downwards
_SPEED = 2.0, 4.0  # pixels per frame on a straight line
_ANGLE = 0.4, 0.7  # radians per frame on a circle
_CIRCLE = 0.15, 0.25  # its radius, in shares of the shorter side
_DISC = 2.5, 4.5  # radius of the disc, pixels


class SyntheticClips(Reader):
    """Clips of a disc that moves left, right, up, down or around, in noise.

    Disc, colour, speed and place are drawn anew for each clip. What leaves the image
    on one side comes in on the other, so that the disc is as likely in one place as in
    any other at every frame of every class: a single frame says nothing of the class.

    What a model can reach that does not heed the order of frames: the backward clip of
    a class is one of its counterpart (left and right, up and down, clockwise and
    counter-clockwise) and just as likely, so that half of its answers are wrong, but
    for chance (`orderless_accuracy`).

    Clips are a pure function of split, number and seed, drawn when the reader is made.
    Samples hold `clip`, `class` and `file`. No pixel is 0, as those of padding are.

    Args:
        split: String, any name: different splits share no clip.
        count: Integer, clips; of each class as many, to one.
        frames: Integer >= 4, the most frames of a clip; there are up to a quarter
            fewer.
        size: `(height, width)` in pixels, 16 or more each, or one integer for both.
        seed: Integer >= 0.

    Raises:
        ValueError: `count`, `frames`, `size` or `seed` is too small.

    Example:

    >>> reader = SyntheticClips("train", count=6, frames=8, size=24)
    >>> reader.class_names[:2], reader.load(0)["clip"].shape[1:]
    (['left', 'right'], TensorShape([24, 24, 3]))
    """

    orderless_accuracy = 0.5

    def __init__(self, split="train", count=600, frames=12, size=(32, 32), seed=0):
        check_integer("count", count)
        check_integer("frames", frames, least=4)
        check_integer("seed", seed, least=0)
        self.size = as_pair("size", size)
        check_integer("size", min(self.size), least=16)
        super().__init__([*_STEPS, *_TURNS])
        self.frames = frames
        samples = []
        for number in range(count):
            rng = scene_generator(split, seed, number)
            label = number % self.num_classes
            length = int(rng.integers(frames - frames // 4, frames + 1))
            path = _path(rng, self.class_names[label], length, self.size)
            sample = {"clip": _draw(rng, path, self.size), "class": np.int32(label)}
            samples.append({**sample, "file": f"clips/{split}/{seed}/{number}"})
        remember(self, samples)


def _path(rng, name, length, size):
    """Places of the disc's centre, float `(length, 2)`: pixels down, to the right."""
    start = rng.random(2) * size
    times = np.arange(length)[:, None]
    if name in _STEPS:
        return start + times * rng.uniform(*_SPEED) * np.array(_STEPS[name])
    radius = rng.uniform(*_CIRCLE) * min(size)
    angles = rng.uniform(0, 2 * np.pi) + times * rng.uniform(*_ANGLE) * _TURNS[name]
    return start + radius * np.concatenate([np.sin(angles), np.cos(angles)], 1)


def _draw(rng, path, size):
    """The frames, uint8 `(length, *size, 3)`: a disc around each place, in noise."""
    places = [np.arange(side) + 0.5 for side in size]
    # To the next of the centre and its images beyond the borders.
    apart = [
        (place - path[:, axis, None] + side / 2) % side - side / 2
        for axis, (place, side) in enumerate(zip(places, size, strict=True))
    ]
    distance = np.hypot(apart[0][:, :, None], apart[1][:, None, :])  # (T, H, W)
    inside = np.clip(rng.uniform(*_DISC) + 0.5 - distance, 0, 1)[..., None]
    colour = rng.uniform(120, 256, 3)
    noise = rng.uniform(1, 60, (len(path), *size, 3))
    return (inside * colour + (1 - inside) * noise).astype("uint8")
