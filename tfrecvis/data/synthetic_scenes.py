"""Drawn scenes in which the far side of the image decides what an object is."""

import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfrecvis.data.reader import Reader, remember

GRASS, WATER, MARKER, CAR_WAITING, CAR_GOING, BUOY_PORT, BUOY_STARBOARD = range(7)

CLASSES = {
    "grass": (96, 140, 64),
    "water": (52, 98, 150),
    "marker": (230, 225, 210),
    "car_waiting": (200, 40, 40),
    "car_going": (40, 200, 90),
    "buoy_port": (160, 60, 200),
    "buoy_starboard": (245, 170, 30),
}

_LANES = 4  # rows with a lamp and a car, and columns with a flag and a buoy
_LANES_FROM, _LANES_TO = 0.18, 0.82  # the share of the height or width they take
_MARKER_DEPTH = 0.10  # markers lie this close to their border, as a share
_OBJECT_DEPTH = 0.17  # and objects this close to the opposite border


class SyntheticScenes(Reader):
    """Textured scenes whose objects cannot be told apart without far-away context.

    Grass and water in irregular patches, and two dependencies across the image:

    - Rows. Four lamps stand along the left or the right border. A car waits at the
      opposite end of nine in ten lamps' rows: `car_waiting` where the lamp is red,
      `car_going` where it is blue. All cars are drawn alike.
    - Columns. Four flags stand along the top or the bottom border. A buoy floats at
      the opposite end of nine in ten flags' columns: `buoy_port` where the flag's
      stripes lie flat, `buoy_starboard` where they stand upright. All buoys are
      drawn alike.

    Lamps and flags are one class, `marker`, whatever they show. So a model has to
    carry what it saw from each border to the opposite one, along the right row or
    column.

    What a local model can reach. No pixel of an object lies nearer than
    `context_distance` to a marker of its kind. Of the four lamps two are always
    red, and of the four flags two always lie flat, so neither what is near an
    object nor any average over the image says what it is: each object is of either
    class with chance 1/2. Guessing with chance p gives the two classes the IoUs
    p / (1 + p) and (1 - p) / (2 - p), together at most 2/3. A model that sees all
    else perfectly but less than `context_distance` far has thus an expected mean
    IoU of at most (3 + 2 * 2/3) / 7 = 0.62 (`local_mean_iou`).

    Scenes are a pure function of split, number and seed, drawn when the reader is
    made and kept in memory. Mirroring an image keeps its labels right; cropping cuts
    objects off from what decides their class.

    Args:
        split: String, any name: different splits share no scene.
        count: Integer, the number of scenes.
        size: `(height, width)` in pixels, 48 or more each, or one integer for both.
        seed: Integer >= 0.

    Raises:
        ValueError: `count` or `size` is too small.

    Example:

    >>> reader = SyntheticScenes("train", count=3, size=(64, 96))
    >>> sample = next(iter(reader.samples()))
    >>> sample["image"].shape, reader.class_names[1]
    (TensorShape([64, 96, 3]), 'water')
    """

    local_mean_iou = (3 + 2 * 2 / 3) / 7

    def __init__(self, split="train", count=400, size=(64, 64), seed=0):
        self.size = checked_scenes(count, size, seed)
        super().__init__(list(CLASSES), list(CLASSES.values()))
        self.split = split
        self.seed = seed
        with ThreadPoolExecutor() as pool:
            remember(self, list(pool.map(self._sample, range(count))))

    @property
    def context_distance(self):
        """Pixels that lie at least between an object and the markers of its kind."""
        return context_distance(self.size)

    def counterfactual(self, number):
        """A scene's sample dict (NumPy) with what every marker shows turned over.

        Only pixels of markers change in the image, and every object changes its
        class.

        Example:

        >>> reader = SyntheticScenes("train", count=1, size=48)
        >>> labels = reader.load(0)["labels"].numpy()
        >>> bool((reader.counterfactual(0)["labels"] != labels).any())
        True
        """
        sample = self._sample(number, turned_over=True)
        return {**sample, "labels": sample["labels"].astype("int32")}

    def _sample(self, number, turned_over=False):
        rng = scene_generator(self.split, self.seed, number)
        image, labels, _ = draw_scene(rng, *self.size, turned_over)
        file = f"synthetic/{self.split}/{self.seed}/{number}"
        return {"image": image, "labels": labels, "file": file}


def checked_scenes(count, size, seed):
    """The size of scenes as (height, width), once all three are found to be right.

    Raises:
        ValueError: One of them is too small.

    Example:

    >>> checked_scenes(3, 64, seed=0)
    (64, 64)
    """
    if isinstance(size, int):
        size = (size, size)
    if count < 1 or seed < 0:
        raise ValueError(
            "`count` must be 1 or more and `seed` 0 or more. "
            f"Received: count={count}, seed={seed}."
        )
    if len(size) != 2 or min(size) < 48:
        raise ValueError(
            "`size` must be (height, width) of at least 48 pixels each: smaller "
            f"lamps and flags cannot be read. Received: size={size}."
        )
    return tuple(map(int, size))


def context_distance(size):
    """Pixels that lie at least between an object and the markers of its kind.

    Example:

    >>> context_distance((64, 96))
    46
    """
    return int(min(size) * (1 - _MARKER_DEPTH - _OBJECT_DEPTH))


def scene_generator(split, seed, number):
    """The random generator of one scene.

    Example:

    >>> int(scene_generator("train", 0, 3).integers(10))
    9
    """
    return np.random.default_rng([zlib.crc32(split.encode()), seed, number])


def draw_scene(rng, height, width, turned_over=False):
    """Draws a scene. All draws are the same when its markers are turned over.

    Args:
        rng: NumPy random generator.
        height: Integer, pixels.
        width: Integer, pixels.
        turned_over: Boolean.

    Returns:
        Image, uint8 `(height, width, 3)`; labels, uint8 `(height, width)`; and the
        number of the car or buoy at each pixel, from 1, or 0.

    Example:

    >>> image, labels, numbers = draw_scene(np.random.default_rng(0), 64, 64)
    >>> bool((labels[numbers > 0] >= CAR_WAITING).all())
    True
    """
    image, labels = _landscape(rng, height, width)
    numbers = np.zeros((height, width), "uint8")
    light = rng.uniform(-0.18, 0.18, 2)
    noise = rng.normal(0, 5, (height, width, 1))
    noise = noise + rng.normal(0, 2, (height, width, 3))
    scene = image, labels, numbers
    _draw_lanes(rng, scene, _draw_lamp, _draw_car, CAR_WAITING, turned_over)
    # Columns are rows of the transposed scene; the views write into the same pixels.
    across = tuple(part.swapaxes(0, 1) for part in scene)
    _draw_lanes(rng, across, _draw_flag, _draw_buoy, BUOY_PORT, turned_over)
    rows, columns = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    image *= (1 + light[0] * rows[:, None] + light[1] * columns)[..., None]
    return np.clip(np.rint(image + noise), 0, 255).astype("uint8"), labels, numbers


def _landscape(rng, height, width):
    """Grass and water with a wavy border: float image and labels."""
    fine = _cloud(rng, height, width, 3)
    coarse = _cloud(rng, height, width, 14)
    tufts = _cloud(rng, height, width, 2)
    grass = np.array([96, 128, 62]) + np.stack(
        [22 * coarse + 16 * fine, 18 * coarse + 26 * tufts, 10 * coarse], axis=-1
    )
    # Ripples: a wave whose phase wanders, lighter on its crests.
    angle, wave = rng.uniform(0, np.pi), rng.uniform(5, 8)
    y, x = np.mgrid[:height, :width]
    phase = (np.cos(angle) * x + np.sin(angle) * y) * 2 * np.pi / wave
    ripples = np.sin(phase + 3 * coarse)
    water = np.array([58, 100, 138]) + np.stack(
        [10 * ripples + 8 * fine, 14 * ripples + 8 * fine, 18 * ripples + 12 * coarse],
        axis=-1,
    )
    shore = _cloud(rng, height, width, max(height, width) // 4)
    is_water = shore > np.quantile(shore, rng.uniform(0.4, 0.7))
    image = np.where(is_water[..., None], water, grass)
    labels = np.where(is_water, WATER, GRASS).astype("uint8")
    return image, labels


def _cloud(rng, height, width, cell):
    """Smooth noise of mean 0 and deviation about 1, in lumps of `cell` pixels."""
    rows, columns = height // cell + 3, width // cell + 3
    grid = rng.normal(0, 1.6, (rows, columns))
    return _bumps(rng, height, cell, rows) @ grid @ _bumps(rng, width, cell, columns).T


def _bumps(rng, length, cell, knots):
    """`(length, knots)` weights that interpolate knots, shifted at random."""
    places = np.arange(length)[:, None] / cell + rng.uniform(0, 1)
    return np.maximum(0, 1 - np.abs(places - np.arange(knots)))


def _draw_lanes(rng, scene, draw_marker, draw_object, first_class, turned_over):
    """Markers on one border, objects on the opposite one, a pair in each lane.

    Lanes are rows of the scene (image, labels, numbers of objects); `first_class` is
    that of objects whose marker shows state 0, the next class that of state 1.
    """
    if rng.random() < 0.5:  # markers on the right: work on the mirrored view
        scene = tuple(part[:, ::-1] for part in scene)
    image, labels, numbers = scene
    height, width = labels.shape
    states = rng.permutation(_LANES) % 2  # two of each: no average tells
    band = height * (_LANES_TO - _LANES_FROM) / _LANES
    for lane in range(_LANES):
        middle = height * _LANES_FROM + (lane + 0.5) * band
        marker_middle = middle + rng.uniform(-0.08, 0.08) * band
        # Neighbours stay a sixth of a lane apart, a pixel in the smallest scene.
        object_middle = middle + rng.uniform(-0.02, 0.02) * band
        size = rng.uniform(0.7, 0.8) * band
        length = width * rng.uniform(0.12, 0.14)
        end = width * (1 - rng.uniform(0.008, 0.025))
        is_present = rng.random() < 0.9
        shade = rng.uniform(0.85, 1.15)
        state = int(states[lane]) ^ int(turned_over)
        depth = width * (_MARKER_DEPTH - 0.01)
        box = _box(marker_middle, 0.7 * band, 0.01 * width, depth)
        draw_marker(image, labels, box, state)
        box = _box(object_middle, size, end - length, end)
        if is_present:
            draw_object(image, labels, box, first_class + state, shade)
            own = labels[box] == first_class + state
            # Cars have the numbers from 1, buoys those from 5.
            number = 1 + lane + _LANES * (first_class == BUOY_PORT)
            numbers[box] = np.where(own, number, numbers[box])


def _box(middle, size, left, right):
    """Slices of the rows and columns of a box, in whole pixels."""
    top, bottom = round(middle - size / 2), round(middle + size / 2)
    return slice(top, bottom), slice(round(left), round(right))


def _grid(labels, box):
    """Row and column of each pixel in a box, from -1 to 1."""
    rows, columns = labels[box].shape
    return (
        ((np.arange(rows) + 0.5) / rows * 2 - 1)[:, None],
        ((np.arange(columns) + 0.5) / columns * 2 - 1)[None, :],
    )


def _draw_lamp(image, labels, box, state):
    """A dark case with a red (0) or blue (1) lamp."""
    y, x = _grid(labels, box)
    disc = (y * y + x * x < 0.8)[..., None]
    lamp = np.array([(235, 50, 45), (60, 105, 245)][state])
    image[box] = np.where(disc, lamp, (52, 50, 54))
    labels[box] = MARKER


def _draw_flag(image, labels, box, state):
    """Black and white stripes, across the border (0) or along it (1).

    Flags are drawn in the transposed scene: stripes that run along its rows stand
    upright in the scene.
    """
    rows, columns = labels[box].shape
    # Three stripes fill the flag, whatever its size.
    across = np.arange(columns) * 3 // columns
    along = np.arange(rows) * 3 // rows
    stripe = across[None, :] if state == 0 else along[:, None]
    is_white = np.broadcast_to(stripe % 2 == 0, (rows, columns))[..., None]
    image[box] = np.where(is_white, (238, 234, 226), (34, 34, 40))
    labels[box] = MARKER


def _draw_car(image, labels, box, number, shade):
    """A rounded body with two panes, the same for both classes."""
    y, x = _grid(labels, box)
    body = np.abs(y) ** 4 + np.abs(x) ** 4 < 1.05
    panes = (np.abs(y) < 0.55) & (np.abs(np.abs(x) - 0.42) < 0.2)
    colour = np.where(panes[..., None], (60, 70, 84), (214, 196, 120))
    colour = colour * (shade - 0.12 * y[..., None])
    image[box] = np.where(body[..., None], colour, image[box])
    labels[box] = np.where(body, number, labels[box])


def _draw_buoy(image, labels, box, number, shade):
    """A ball with a ring, the same for both classes."""
    y, x = _grid(labels, box)
    radius = y * y + x * x
    ball = radius < 1.05
    ring = (radius > 0.25) & (radius < 0.55)
    colour = np.where(ring[..., None], (245, 240, 232), (226, 120, 48))
    colour = colour * (shade - 0.15 * (y + x)[..., None])
    image[box] = np.where(ball[..., None], colour, image[box])
    labels[box] = np.where(ball, number, labels[box])
