"""Drawn scenes of two or three objects, and five sentences about each of them."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfrecvis.data.reader import Reader, remember
from tfrecvis.data.scene_sentences import (
    COLOURS,
    SHAPES,
    mentions,
    sentences,
    things_of,
)
from tfrecvis.data.synthetic_scenes import checked_scenes, scene_generator

_CELLS = 3  # rows and columns of the grid that objects stand on
_RADII = {"small": 0.085, "big": 0.145}  # shares of the shorter side
_SHIFT = 0.01  # of the side, the most that an object is off its place
_COARSE = 4  # rows and columns of the lights and shades of the background


class SyntheticCaptions(Reader):
    """Scenes of two or three objects with five reference sentences each.

    An object is small or big, has one of eight colours and one of six shapes; no two of
    a scene share a colour or a shape. The sentences name all objects and how the first
    one lies to the others (left of, right of, above or below), in five forms of a
    grammar and with paraphrases, such as "a big red ring above a small blue star" and
    "a little blue star is under a big red ring". Two objects whose places are not
    clearly one above or beside the other are never related.

    The objects (a size with a colour with a shape) of the splits differ: none of the 12
    of "val" and of the 12 of "test" is among the 72 of "train", though all of its words
    are, and all pairs of them. So a model must put together what it has never seen
    together. Mirroring an image makes its sentences wrong.

    `classes` are shapes, and `boxes` lie around the objects' pixels, so that one can
    check where a model looks when it says a word: `mentions` tells which words of a
    sentence name which class.

    Scenes are a pure function of split, number and seed, drawn when the reader is made
    and kept in memory.

    Args:
        split: "train", "val" or "test".
        count: Integer, the number of scenes.
        size: `(height, width)` in pixels, 48 or more each, or one integer for both.
        seed: Integer >= 0.

    Attributes: `class_names`, the shapes; `captions`, list of lists of five strings.

    Raises:
        ValueError: `split` is no such name, or `count` or `size` too small.

    Example:

    >>> reader = SyntheticCaptions("train", count=3, size=64)
    >>> sample = next(iter(reader.samples()))
    >>> sorted(sample), sample["captions"].shape
    (['boxes', 'captions', 'classes', 'file', 'image'], TensorShape([5]))
    """

    mentions = staticmethod(mentions)

    def __init__(self, split="train", count=2000, size=(64, 64), seed=0):
        self.size = checked_scenes(count, size, seed)
        super().__init__(list(SHAPES))
        self.split = split
        self.seed = seed
        self._things = things_of(split)
        with ThreadPoolExecutor() as pool:
            samples = list(pool.map(self._sample, range(count)))
        self.captions = [sample["captions"] for sample in samples]
        remember(self, samples)

    def _sample(self, number):
        rng = scene_generator(self.split, self.seed, number)
        layouts = _LAYOUTS[rng.integers(len(_LAYOUTS))]
        cells, relations = layouts[rng.integers(len(layouts))]
        things = _choose(rng, self._things, len(cells))
        captions = sentences(things, relations, rng)
        order = rng.permutation(len(things))  # of drawing and of the boxes
        image, boxes = _draw(rng, self.size, [(things[i], cells[i]) for i in order])
        classes = [SHAPES.index(things[i].shape) for i in order]
        return {
            "image": image,
            "boxes": boxes,
            "classes": np.array(classes, "int32"),
            "captions": captions,
            "file": f"synthetic_captions/{self.split}/{self.seed}/{number}",
        }


def _relation(one, other):
    """How a cell lies to another one, or None where that is not clear."""
    down, right = other[0] - one[0], other[1] - one[1]
    if abs(down) == abs(right):
        return None
    if abs(right) > abs(down):
        return "left of" if right > 0 else "right of"
    return "above" if down > 0 else "below"


def _layouts():
    """All places of two and of three objects, with how the first lies to the others.

    Of two objects the first one is left of the other or above it. Of three, the first
    one lies differently to the two others, and is the first in reading order that does;
    then comes the object beside it.
    """
    cells = list(itertools.product(range(_CELLS), repeat=2))
    of_two = [
        (pair, (_relation(*pair),))
        for pair in itertools.permutations(cells, 2)
        if _relation(*pair) in ("left of", "above")
    ]
    of_three = []
    for group in itertools.combinations(cells, 3):
        for hub in group:
            others = [cell for cell in group if cell != hub]
            others.sort(key=lambda cell: _relation(hub, cell) in ("above", "below"))
            relations = tuple(_relation(hub, cell) for cell in others)
            if None not in relations and relations[0] != relations[1]:
                of_three.append(((hub, *others), relations))
                break
    return of_two, of_three


_LAYOUTS = _layouts()


def _choose(rng, things, count):
    """So many things that share neither colour nor shape."""
    while True:
        numbers = rng.choice(len(things), count, replace=False)
        chosen = [things[number] for number in numbers]
        if all(
            len({getattr(thing, part) for thing in chosen}) == count
            for part in ("colour", "shape")
        ):
            return chosen


def _draw(rng, size, placed):
    """An image of (thing, cell) pairs, and the boxes around their pixels."""
    height, width = size
    image = _background(rng, height, width)
    boxes = np.zeros((len(placed), 4), "float32")
    for number, (thing, cell) in enumerate(placed):
        shift = rng.uniform(-_SHIFT, _SHIFT, 2)
        middle = ((np.array(cell) + 0.5) / _CELLS + shift) * size
        radius = _RADII[thing.size] * min(size) * rng.uniform(0.95, 1.05)
        top, left = np.floor(middle - radius).astype(int)
        bottom, right = np.ceil(middle + radius).astype(int)
        y = (np.arange(top, bottom) + 0.5 - middle[0])[:, None] / radius
        x = (np.arange(left, right) + 0.5 - middle[1])[None, :] / radius
        # Distances inside the border in pixels: half a pixel on each side is blended.
        cover = np.clip(_INSIDE[thing.shape](y, x) * radius + 0.5, 0, 1)
        colour = np.array(COLOURS[thing.colour]) * rng.uniform(0.92, 1.0)
        part = image[top:bottom, left:right]
        part += cover[..., None] * (colour - part)
        rows, columns = np.nonzero(cover >= 0.5)
        boxes[number] = (
            left + columns.min(),
            top + rows.min(),
            left + columns.max() + 1,
            top + rows.max() + 1,
        )
    image += rng.normal(0, 3, (height, width, 1)).astype("float32")
    return np.clip(np.rint(image), 0, 255).astype("uint8"), boxes


def _background(rng, height, width):
    """Soft lights and shades of a dull colour, neither dark nor bright."""
    knots = rng.uniform(-16, 16, (_COARSE, _COARSE))
    light = _weights(height) @ knots @ _weights(width).T
    colour = rng.uniform(105, 150) + rng.uniform(-9, 9, 3)
    return (light[..., None] + colour).astype("float32")


def _weights(length):
    """`(length, knots)` weights of a linear interpolation."""
    places = np.linspace(0, _COARSE - 1, length)[:, None]
    return np.maximum(0, 1 - np.abs(places - np.arange(_COARSE)))


def _polygon(points):
    """The signed distance to the border of a convex polygon, given clockwise."""
    points = np.array(points, "float64")  # (x, y), y downwards
    along = np.roll(points, -1, 0) - points
    inward = np.stack([-along[:, 1], along[:, 0]], -1)
    inward /= np.linalg.norm(inward, axis=-1, keepdims=True)

    def inside(y, x):
        sides = [
            (x - point[0]) * normal[0] + (y - point[1]) * normal[1]
            for point, normal in zip(points, inward, strict=True)
        ]
        return np.minimum.reduce(sides)

    return inside


def _star(y, x):
    """Five lines through every second tip: inside is what lies inside four of them."""
    angles = np.pi * (np.arange(5) * 2 / 5 - 0.5)
    sides = [
        np.cos(0.4 * np.pi) - x * np.cos(angle) - y * np.sin(angle) for angle in angles
    ]
    return np.sort(sides, 0)[1]


def _bar(half_height, half_width):
    return lambda y, x: np.minimum(half_height - np.abs(y), half_width - np.abs(x))


# How far a point lies inside each shape, negative outside, for a radius of 1.
_INSIDE = {
    "circle": lambda y, x: 0.95 - np.hypot(y, x),
    "square": _bar(0.85, 0.85),
    "triangle": _polygon([(0, -0.95), (0.98, 0.8), (-0.98, 0.8)]),
    "cross": lambda y, x: np.maximum(_bar(0.95, 0.32)(y, x), _bar(0.32, 0.95)(y, x)),
    "ring": lambda y, x: 0.25 - np.abs(np.hypot(y, x) - 0.72),
    "star": _star,
}
