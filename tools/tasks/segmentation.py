"""Segmentation: every pixel of an image gets a class.

[model] holds the arguments of `tfrecvis.models.ReSeg`; [data] and [augmentation] are
those of `tfrecvis.tools.reader_task`, with the readers "synthetic"
(`tfrecvis.data.SyntheticScenes`), "folder" (`SegmentationFolder`) and "tfds"
(`SegmentationTFDS`).
"""

from pathlib import Path

import numpy as np

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.photos import TakesPhotos
from tfrecvis.tools.reader_task import ReaderTask
from tfrecvis.tools.runs.recipe_keys import Key


class Segmentation(TakesPhotos, ReaderTask):
    """See `tfrecvis.tools.task.Task`."""

    scores = {
        "mean_iou": "mean IoU",
        "global_accuracy": "global accuracy",
        "class_accuracy": "class accuracy",
    }
    training_keys = {
        "class_weights": Key("none", "of rare classes", ("median", "none")),
        "class_weights_power": Key(1.0, "of these weights"),
        "label_smoothing": Key(0.0, "of the cross-entropy", below=1.0),
    }
    readers = {
        "folder": "SegmentationFolder",
        "synthetic": "SyntheticScenes",
        "tfds": "SegmentationTFDS",
    }
    drawn = ("synthetic",)
    model_class = "ReSeg"
    files = ("_overlay.png", "_labels.png")
    video_files = (".mp4",)

    def example(self, batch):
        return batch["image"], batch["labels"]

    def model(self):
        from tfrecvis.models import ReSeg

        return self.apply_model(ReSeg, self.reader.num_classes)

    def signatures(self, model):
        from tfrecvis.models import segmentation

        return segmentation.signatures(model)

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

    def data_at(self, path):
        data = super().data_at(path)
        if path is not None and data["reader"] in self.drawn:
            # What the scenes were drawn by says nothing of a folder.
            kept = {key: data[key] for key in ("ignore",) if key in data}
            data = {"reader": "folder", "path": str(path), **kept}
        # The card took the names out of the recipe; a folder may have its own list.
        listed = "path" in data and Path(data["path"], "classes.txt").is_file()
        if data["reader"] not in self.drawn and not listed:
            data.setdefault("class_names", self.card["class_names"])
        return data

    def restored(self, answer, given, size):
        height, width = answer["labels"].shape[1:3]
        rows = np.arange(size[0]) * height // size[0]
        columns = np.arange(size[1]) * width // size[1]
        return {
            "labels": answer["labels"][:, rows[:, None], columns],
            "probabilities": answer["probabilities"],
        }

    def score(self, pairs):
        from tfrecvis.data import VOID

        names = self.card["class_names"]
        matrix = np.zeros((len(names), len(names)), "int64")
        images = 0
        for batch, answer in pairs:
            truth = batch["labels"]
            known = truth != VOID
            cells = truth[known] * len(names) + answer["labels"][known]
            matrix += np.bincount(cells, minlength=matrix.size).reshape(matrix.shape)
            images += len(truth)
        if not matrix.any():
            raise UserError(
                f"Nothing to score: all pixels of the {images} images are void. Check "
                "the label maps and data.ignore.",
                exit_code=1,
            )
        return {"images": images, **scores_of(matrix, names)}

    def table(self, result):
        from tfrecvis.tools.tables import class_table

        columns = {
            "IoU": result["iou"],
            "accuracy": result["accuracy"],
            "pixels": result["pixels_of_class"],
        }
        means = {
            "IoU": result["mean_iou"],
            "accuracy": result["class_accuracy"],
            "pixels": result["pixels"],
        }
        table = class_table(columns, means)
        return f"{table}\nglobal accuracy {result['global_accuracy']:.3f}"

    def draw_scores(self, result, heading, directory):
        from tfrecvis.tools.pictures.confusion import write_confusion_matrix

        path = directory / "confusion_matrix.png"
        heading = f"{heading}\nmean IoU {result['mean_iou']:.3f}"
        matrix = result["confusion_matrix"]
        write_confusion_matrix(
            matrix, list(result["iou"]), path, heading, list(result["iou"].values())
        )
        return [path]

    def compare(self, batches, answers, path):
        from tfrecvis.tools.pictures.segmentation import write_comparison

        columns = ["image", "truth", *answers]
        rows = [
            [
                batch["image"][0],
                batch["labels"][0],
                *(given[number]["labels"][0] for given in answers.values()),
            ]
            for number, batch in enumerate(batches)
        ]
        names, colours = self.card["class_names"], self.card["colours"]
        write_comparison(rows, columns, names, colours, path)
        return path

    def frame(self, batch, answer):
        from tfrecvis.tools.pictures.segmentation import overlay

        return overlay(batch["image"][0], answer["labels"][0], self.card["colours"])

    def write(self, batch, answer, stem):
        from tfrecvis.tools.pictures.segmentation import write_label_map, write_overlay

        image, labels = batch["image"][0], answer["labels"][0]
        names, colours = self.card["class_names"], self.card["colours"]
        overlay, label_map = (Path(f"{stem}{ending}") for ending in self.files)
        write_overlay(image, labels, names, colours, overlay)
        write_label_map(labels, colours, label_map)


def scores_of(matrix, class_names):
    """Returns the scores of a confusion matrix as a dict that JSON can hold.

    Classes that occur neither in the labels nor in the predictions have no IoU and
    are left out of the mean, as in `tfrecvis.metrics.MeanIoU`.

    Args:
        matrix: Integers `(classes, classes)`; rows are true classes.
        class_names: List of strings.

    Example:

    >>> result = scores_of(np.array([[3, 1], [0, 4]]), ["road", "sky"])
    >>> round(result["mean_iou"], 3), result["iou"]["road"]
    (0.775, 0.75)
    """
    hits = np.diagonal(matrix).astype("float64")
    true, predicted = matrix.sum(axis=1), matrix.sum(axis=0)

    def quotients(total):
        return np.divide(hits, total, out=np.full(len(hits), np.nan), where=total > 0)

    def mean(values):
        values = values[np.isfinite(values)]
        return float(values.mean()) if values.size else None

    iou, recall = quotients(true + predicted - hits), quotients(true)
    pixels = int(matrix.sum())
    return {
        "mean_iou": mean(iou),
        "global_accuracy": float(hits.sum() / pixels) if pixels else None,
        "class_accuracy": mean(recall),
        "pixels": pixels,
        "iou": _named(class_names, iou),
        "accuracy": _named(class_names, recall),
        "pixels_of_class": dict(zip(class_names, true.tolist(), strict=True)),
        "confusion_matrix": matrix.tolist(),
    }


def _named(class_names, values):
    return {
        name: float(value) if np.isfinite(value) else None
        for name, value in zip(class_names, values, strict=True)
    }
