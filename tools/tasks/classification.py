"""Classification: every image gets a class.

[model] holds the arguments of `tfrecvis.models.ImageClassifier`. Keys of [data]:

    reader        "npz", a file as `keras.datasets.mnist` downloads it
    path          the file, or the folder that holds it
    train_count   images of the split `train` to train on; default: all others
    val_count     default 5000: the last images of `train` are the split `val`

Key of [augmentation]:

    shift         pixels by which an image is moved at most, each way and both ways
"""

from functools import partial

import numpy as np

from tfrecvis.tools.array_task import ArrayTask, checked_count, slices
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.photos import TakesPhotos, with_channels
from tfrecvis.tools.runs.recipe import apply_table, check_arguments


class Classification(TakesPhotos, ArrayTask):
    """See `tfrecvis.tools.task.Task`."""

    tables = ("augmentation",)
    model_class = "ImageClassifier"
    unit = "images"

    def prepare(self, data):
        check_arguments("data", data, ["reader", "path", "train_count", "val_count"])
        if data.get("reader") != "npz":
            reader = data.get("reader")
            raise UserError(f'data.reader must be "npz". Received: {reader!r}.')
        if "path" not in data:
            raise UserError(
                "data.path is not set: add --data PATH, an .npz file such as "
                "keras.datasets.mnist downloads."
            )
        self.shift = apply_table(self.recipe, "augmentation", _check_shift)
        self.val_count = checked_count(data, "val_count", 5000)
        self._path = data["path"]
        images, classes = self._read("train")
        rest = len(images) - self.val_count
        self.train_count = checked_count(data, "train_count", max(1, rest))
        if self.train_count > rest:
            raise UserError(
                f"The split train holds {len(images)} images, which are fewer than "
                f"data.train_count={self.train_count} and data.val_count="
                f"{self.val_count} together."
            )
        self.num_classes = int(classes.max()) + 1
        self.images, self.classes = images, classes

    def _read(self, split):
        from tfrecvis.data import read_array_file

        try:
            return read_array_file(self._path, split)
        except ValueError as error:
            raise UserError(f"The data cannot be used: {error}") from error

    def epoch(self, rng):
        for index in slices(self.train_count, self.batch_size, rng):
            images = self.images[index]
            if self.shift:
                moves = rng.integers(-self.shift, self.shift + 1, (len(index), 2))
                images = shifted(images, moves)
            yield {"image": images, "class": self.classes[index]}

    def split(self, name):
        images, classes = self.images, self.classes
        if name == "val":
            images, classes = images[-self.val_count :], classes[-self.val_count :]
        elif name == "train":
            images, classes = images[: self.train_count], classes[: self.train_count]
        else:
            images, classes = self._read(name)
        for index in slices(len(images), self.batch_size):
            yield {"image": images[index], "class": classes[index]}

    def model(self):
        from tfrecvis.models import ImageClassifier

        classifier = partial(ImageClassifier, input_shape=self.images.shape[1:])
        return apply_table(
            self.recipe, "model", classifier, self.num_classes, hidden=["input_shape"]
        )

    def objective(self):
        import keras

        return {
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "metrics": [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        }

    def example(self, batch):
        return batch["image"], batch["class"]

    def signatures(self, model):
        from tfrecvis.models import classification

        return classification.signatures(model)

    def sidecar(self):
        return {
            "class_names": [str(number) for number in range(self.num_classes)],
            "image_size": [int(side) for side in self.images.shape[1:3]],
            "channels": int(self.images.shape[3]),
        }

    def examples(self, path, size):
        images = super().examples(path, size)["images"]
        return {"images": with_channels(images, self.card.get("channels", 1))}

    def write(self, batch, answer, stem):
        super().write(batch, answer, stem)
        label = int(answer["labels"][0])
        share = answer["probabilities"][0, label]
        return f"{self.card['class_names'][label]} ({share:.3f})"


def _check_shift(shift=0):
    if isinstance(shift, bool) or not isinstance(shift, int) or shift < 0:
        raise ValueError(f"`shift` must be an integer of pixels. Received: {shift!r}.")
    return shift


def shifted(images, moves):
    """Returns images moved by whole pixels; zeros come in at the border.

    Args:
        images: `(batch, height, width, channels)`.
        moves: Integers `(batch, 2)`, pixels down and to the right.

    Example:

    >>> image = np.arange(4).reshape(1, 2, 2, 1)
    >>> shifted(image, np.array([[0, 1]]))[0, :, :, 0].tolist()
    [[0, 0], [0, 2]]
    """
    border = int(np.abs(moves).max(initial=0))
    height, width = images.shape[1:3]
    around = ((0, 0), (border, border), (border, border), (0, 0))
    wide = np.pad(images, around)
    return np.stack(
        [
            image[border - down :, border - right :][:height, :width]
            for image, (down, right) in zip(wide, moves, strict=True)
        ]
    )
