"""Drawn scenes for detectors: boxes and masks whose classes far-away things decide."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfrecvis.data.instances import numbered_instances, with_masks
from tfrecvis.data.reader import Reader, remember
from tfrecvis.data.synthetic_scenes import (
    CAR_WAITING,
    CLASSES,
    checked_scenes,
    context_distance,
    draw_scene,
    scene_generator,
)

_POST = (46, 44, 42)  # RGB
_OCCLUDED = 0.3  # the chance that a post stands in front of an object
_HIDDEN = 0.25  # the share of the object's width that it hides


class SyntheticObjects(Reader):
    """The objects of `SyntheticScenes`, with boxes and masks, some of them occluded.

    Cars and buoys are the objects: `car_waiting`, `car_going`, `buoy_port` and
    `buoy_starboard`. All cars are drawn alike, and all buoys: a marker at the opposite
    border decides the class. A post stands in front of three objects in ten and hides a
    quarter of each. Masks hold what is seen of an object, boxes lie around its mask.

    What a local model can reach: a detector that sees less than `context_distance` far
    cannot tell the two kinds of cars apart, nor the two of buoys. Whatever scores it
    gives, half of what it takes for a class is not of it, so its average precision is
    1/2 at most, but for chance (`local_ap`).

    Scenes are a pure function of split, number and seed, drawn when the reader is made.
    They are those of `SyntheticScenes`, but for the posts.

    Args:
        split: String, any name: different splits share no scene.
        count: Integer, the number of scenes.
        size: `(height, width)` in pixels, 48 or more each, or one integer for both.
        seed: Integer >= 0.

    Raises:
        ValueError: `count` or `size` is too small.

    Example:

    >>> reader = SyntheticObjects("train", count=3, size=(64, 96))
    >>> sample = next(iter(reader.samples()))
    >>> sorted(sample), reader.class_names[0]
    (['boxes', 'classes', 'file', 'image', 'masks'], 'car_waiting')
    """

    local_ap = 0.5

    def __init__(self, split="train", count=400, size=(64, 64), seed=0):
        self.size = checked_scenes(count, size, seed)
        names = list(CLASSES)[CAR_WAITING:]
        super().__init__(names, [CLASSES[name] for name in names])
        self.split = split
        self.seed = seed
        with ThreadPoolExecutor() as pool:
            remember(self, list(pool.map(self._sample, range(count))))

    @property
    def context_distance(self):
        """Pixels that lie at least between an object and the markers of its kind."""
        return context_distance(self.size)

    def load(self, index):
        """The sample dict of a number, as tensors; for use in `Dataset.map`."""
        return with_masks(self.memory.load(index))

    def _sample(self, number):
        rng = scene_generator(self.split, self.seed, number)
        image, labels, numbers = draw_scene(rng, *self.size)
        for own in range(1, int(numbers.max()) + 1):
            occluded, place = rng.random(2)
            if occluded < _OCCLUDED and (numbers == own).any():
                _draw_post(image, numbers, own, place)
        numbers, boxes = numbered_instances(numbers)
        classes = [
            int(labels[numbers == own][0]) - CAR_WAITING
            for own in range(1, len(boxes) + 1)
        ]
        return {
            "image": image,
            "labels": numbers,
            "boxes": boxes,
            "classes": np.array(classes, "int32"),
            "file": f"synthetic_objects/{self.split}/{self.seed}/{number}",
        }


def _draw_post(image, numbers, own, place):
    """A dark upright bar, from a pixel above an object to a pixel below it."""
    rows, columns = np.nonzero(numbers == own)
    left, right = columns.min(), columns.max() + 1
    width = max(1, round(_HIDDEN * (right - left)))
    start = left + int(place * (right - left - width + 1))
    top, bottom = max(0, rows.min() - 1), rows.max() + 2
    image[top:bottom, start : start + width] = _POST
    hidden = numbers[top:bottom, start : start + width]
    hidden[hidden == own] = 0
