"""Tasks that take photos: files, sizes, and answers in the photo's own size."""

import math

import numpy as np

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import find_files
from tfrecvis.tools.task import NUM_EXAMPLES
from tfrecvis.tools.video import VIDEO_SUFFIXES


class TakesPhotos:
    """The part of a task whose model takes `images` and nothing else.

    Attributes:
        video_files*: Tuple of endings of the files that a video becomes; empty where
            the task answers none. With ".mp4", `frame` gives the picture of an answered
            frame, uint8 `(height, width, 3)`; with ".json", `listing` a list of what is
            in it.
    """

    video_files = ()

    def find_inputs(self, paths):
        from tfrecvis.data import IMAGE_SUFFIXES

        return find_files(
            paths, (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES), "no image or video"
        )

    def read_input(self, file):
        from tfrecvis.data import read_image

        return {"image": read_image(file)[None], "file": np.array([str(file)], object)}

    def inputs(self, batch):
        return {"images": batch["image"]}

    def examples(self, path, size):
        """See `Task.examples`; without a path, what the recipe's reader draws, if so.

        Else they are synthetic scenes.
        """
        if path is None and self.recipe["data"]["reader"] in self.drawn:
            images = [batch["image"][0] for batch in self.samples(NUM_EXAMPLES)]
        elif path is None:
            from tfrecvis.data import SyntheticScenes

            scenes = SyntheticScenes("val", count=NUM_EXAMPLES, size=(96, 96)).samples()
            images = [sample["image"] for sample in scenes.as_numpy_iterator()]
        else:
            images, files = [], self.find_inputs([path])
            for file, _ in files:
                if file.suffix.lower() in VIDEO_SUFFIXES:
                    continue
                try:
                    images.append(self.read_input(file)["image"][0])
                except ValueError as error:
                    print(f"{file}: {error}; left out")
                if len(images) == NUM_EXAMPLES:
                    break
            if not images:
                raise UserError(
                    f"None of the {len(files)} images of {path} can be read."
                )
        inputs = {"images": np.stack([resized(image, size) for image in images])}
        return self.complete(inputs)


def resized(image, size):
    """Returns an image in another size, by bilinear interpolation.

    Args:
        image: uint8 `(height, width, channels)`.
        size: `(height, width)`.

    Example:

    >>> resized(np.zeros((4, 6, 3), "uint8"), (2, 3)).shape
    (2, 3, 3)
    """
    if tuple(size) == image.shape[:2]:
        return image
    from tfrecvis.optional import optional_import

    Image = optional_import("PIL.Image", extra="data", what="Resizing of photos")
    height, width = size
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture = picture.resize((width, height), Image.BILINEAR)
    return np.asarray(picture).reshape(height, width, image.shape[-1])


def with_channels(images, channels):
    """Returns images with another number of channels: grey from colour, or back.

    Example:

    >>> with_channels(np.full((1, 2, 2, 3), 9, "uint8"), 1)[0, 0].tolist()
    [[9], [9]]
    """
    if channels is None or images.shape[-1] == channels:
        return images
    if channels == 1 and images.shape[-1] == 3:
        # The luma of ITU-R BT.601, in whole numbers, as `decode_image` has it.
        grey = images.astype("int64") @ np.array([19595, 38470, 7471])
        return ((grey + 2**15) >> 16).astype("uint8")[..., None]
    if channels == 3 and images.shape[-1] == 1:
        return images.repeat(3, axis=-1)
    raise UserError(
        f"The model takes images of {channels} channels. Received: "
        f"{images.shape[-1]} channels."
    )


def scaled_size(size, own_size):
    """Returns the size of a photo at a model's own scale: as many pixels in all.

    Args:
        size: `(height, width)` of the photo.
        own_size: `(height, width)` of the images that the model was trained on.

    Example:

    >>> scaled_size((3000, 4000), (180, 240)), scaled_size((480, 640), (480, 640))
    ((180, 240), (480, 640))
    """
    factor = math.sqrt(own_size[0] * own_size[1] / (size[0] * size[1]))
    return tuple(max(1, round(side * factor)) for side in size)


class Scale:
    """The size in which a model gets photos.

    Args:
        image_size: `(height, width)` whose scale photos are brought to; None: the
            size that the model's card names, if any.
        native: Boolean; photos stay as they are, whatever the card says.

    Example:

    >>> Scale(native=True).of((300, 400), (None, None), {"image_size": [30, 40]})
    (300, 400)
    """

    def __init__(self, image_size=None, native=False):
        if image_size is not None and min(image_size) < 1:
            raise UserError(
                f"--image-size must be positive. Received: {tuple(image_size)}."
            )
        if native and image_size is not None:
            raise UserError("--native and --image-size exclude each other.")
        self.image_size = image_size
        self.native = native

    def of(self, size, fixed, card):
        """Returns the size that a photo gets.

        Args:
            size: `(height, width)` of the photo.
            fixed: `(height, width)` that the model takes, None where any will do.
            card: Dict, the model's card.
        """
        if None not in fixed:
            wanted = self.image_size or (size if self.native else fixed)
            if tuple(wanted) != tuple(fixed):
                raise UserError(
                    f"The model takes images of {fixed[0]}x{fixed[1]} pixels and no "
                    "others: leave out --native and --image-size. LiteRT files have "
                    "the size of the examples that they were exported with."
                )
            return tuple(fixed)
        own_size = self.image_size or card.get("image_size")
        if self.native or own_size is None:
            return tuple(size)
        return scaled_size(size, own_size)


def answer(task, predictor, batch, scale):
    """Returns the answer of a model to a batch, in the sizes of the batch.

    Images are brought to the size and the channels that the model wants, and what
    comes out back to the size of the batch.

    Args:
        task: A `Task`.
        predictor: A `tfrecvis.export.Predictor`.
        batch: Dict of arrays.
        scale: A `Scale`.
    """
    inputs = dict(task.inputs(batch))
    described = predictor.card.get("signatures", {}).get("serving_default", {})
    own_size = size = None
    for name, (shape, _) in predictor.signatures["serving_default"].items():
        if not described.get(name, {}).get("image"):
            continue
        images = with_channels(inputs[name], shape[-1])
        size = scale.of(images.shape[1:3], shape[1:3], predictor.card)
        if size != images.shape[1:3]:
            own_size = images.shape[1:3]
            images = np.stack([resized(image, size) for image in images])
        inputs[name] = images
    given = predictor.predict(task.complete(inputs))
    return given if own_size is None else task.restored(given, size, own_size)


def answers(task, predictor, batches, scale):
    """Yields pairs of a batch and the model's answer to it."""
    for batch in batches:
        yield batch, answer(task, predictor, batch, scale)
