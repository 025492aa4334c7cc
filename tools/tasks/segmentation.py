"""Segmentation: every pixel of an image gets a class.

[model] holds the arguments of `tfrecvis.models.ReSeg`, [data] those of
`tfrecvis.tools.datasets`, [augmentation] those of `tfrecvis.data.Augmentation`.
"""

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.recipe import apply_table


class Segmentation:
    """See `tfrecvis.tools.tasks`."""

    scores = {
        "mean_iou": "mean IoU",
        "global_accuracy": "global accuracy",
        "class_accuracy": "class accuracy",
    }

    def __init__(self, recipe, strict=False):
        from tfrecvis.data import Augmentation, steps_per_epoch
        from tfrecvis.tools.datasets import open_readers

        self.recipe = recipe
        self.training = recipe["training"]
        self.reader, self.held_out = open_readers(recipe["data"], strict)
        counts = self.reader.num_classes, self.held_out.num_classes
        if counts[0] != counts[1]:
            raise UserError(
                f"The training split has {counts[0]} classes, the validation split "
                f"{counts[1]}. Name them in data.class_names."
            )
        self.augmentation = None
        if "augmentation" in recipe:
            self.augmentation = apply_table(recipe, "augmentation", Augmentation)
        batch_size = self.training["batch_size"]
        # Whole batches alone, where there is one: XLA compiles every shape anew.
        self.drop_remainder = len(self.reader) >= batch_size
        self.steps = steps_per_epoch(self.reader, batch_size, self.drop_remainder)

    @property
    def description(self):
        return (
            f"{len(self.reader)} images to train on, "
            f"{len(self.held_out)} to validate on"
        )

    def model(self):
        from tfrecvis.models import ReSeg

        return apply_table(self.recipe, "model", ReSeg, self.reader.num_classes)

    def objective(self):
        from tfrecvis import losses, metrics
        from tfrecvis.data import class_frequencies

        weights = None
        if self.training["class_weights"] == "median":
            weights = losses.median_frequency_weights(
                *class_frequencies(self.reader, image_pixels=True),
                power=self.training["class_weights_power"],
            )
        count = self.reader.num_classes
        return {
            "loss": losses.SegmentationCrossEntropy(
                weights, label_smoothing=self.training["label_smoothing"]
            ),
            "metrics": [
                metrics.MeanIoU(count),
                metrics.GlobalAccuracy(count),
                metrics.ClassAccuracy(count),
            ],
        }

    def batches(self, first_epoch, epochs):
        return self._batches(
            self.reader,
            self.augmentation,
            seed=self.training["seed"],
            first_epoch=first_epoch,
            epochs=epochs,
            drop_remainder=self.drop_remainder,
        )

    def validation(self):
        return self._batches(self.held_out, None, shuffle=False)

    def _batches(self, reader, augmentation, **arguments):
        from tfrecvis.data import batches

        pad = _must_pad(reader, augmentation)
        size = self.training["batch_size"]
        try:
            return batches(reader, size, augmentation, pad=pad, **arguments)
        except ValueError as error:
            raise UserError(f"The data cannot be batched: {error}") from error

    def sidecar(self):
        sample = next(self.held_out.samples().take(1).as_numpy_iterator())
        colours = self.held_out.colours
        return {
            "class_names": list(self.held_out.class_names),
            "colours": [[int(value) for value in colour] for colour in colours],
            "image_size": [int(side) for side in sample["labels"].shape],
        }


def _must_pad(reader, augmentation):
    """Whether a batch may hold images of different sizes."""
    if augmentation is not None and augmentation.crop_size is not None:
        return False
    sizes = getattr(reader, "sizes", None)
    return sizes is None or len(set(map(tuple, sizes))) > 1
