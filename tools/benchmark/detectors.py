"""Detectors beside the same graph without its head: images per second."""

import tempfile
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np

from tfrecvis import models
from tfrecvis.export import ExportError, export_model
from tfrecvis.losses import YOLOv2Loss
from tfrecvis.models import Signature, Spec, detection
from tfrecvis.tools.benchmark.timing import race

SIZE = 240, 320
BATCH = 4
NUM_CLASSES = 3
OBJECTS = 12  # in each image
REGIONS = 480  # for a detector that takes them
ANCHORS = [16, 32, 64]


class Detector(NamedTuple):
    """A detector at the size of BCCD's recipes, and what `fit` trains of it.

    Fields:
        build: Function without arguments that makes the detector.
        trainer: Function of the detector that makes the compiled model.
        example: Function of a batch, a dict of arrays, that makes the arguments of
            `train_on_batch`.

    Example:

    >>> sorted(DETECTORS)[-1]
    'YOLOv2'
    """

    build: Callable
    trainer: Callable
    example: Callable


def _with_loss(model):
    grid = model.get_layer("boxes")
    model.compile("adam", YOLOv2Loss(grid.priors, grid.stride))
    return model


def _grid_example(batch):
    classes = batch["classes"][..., None].astype("float32")
    return batch["images"], np.concatenate([batch["boxes"], classes], -1)


def _truth(trainer):
    """For a detector whose loss is in the model that `trainer` makes."""

    def compiled(model):
        trained = trainer(model)
        trained.compile("adam")
        return trained

    return compiled


def _inputs_only(*keys):
    return lambda batch: ({key: batch[key] for key in keys},)


_BOXES = _inputs_only("images", "boxes", "classes")

DETECTORS = {
    "FastRCNN": Detector(
        lambda: models.FastRCNN(NUM_CLASSES),
        _truth(detection.fast_rcnn_trainer),
        _inputs_only("images", "regions", "boxes", "classes"),
    ),
    "FasterRCNN": Detector(
        lambda: models.FasterRCNN(NUM_CLASSES, ANCHORS, [1.0], neck_filters=64),
        _truth(detection.two_stage_trainer),
        _BOXES,
    ),
    "MaskRCNN": Detector(
        lambda: models.MaskRCNN(NUM_CLASSES, ANCHORS, [1.0], neck_filters=64),
        _truth(detection.two_stage_trainer),
        _inputs_only("images", "boxes", "classes", "masks"),
    ),
    "OverFeat": Detector(
        lambda: models.OverFeat(NUM_CLASSES), _truth(detection.overfeat_trainer), _BOXES
    ),
    "ReInspect": Detector(
        lambda: models.ReInspect(NUM_CLASSES),
        _truth(detection.reinspect_trainer),
        _BOXES,
    ),
    "SSD": Detector(
        lambda: models.SSD(NUM_CLASSES, [*ANCHORS, 96, 144]),
        _truth(detection.ssd_trainer),
        _BOXES,
    ),
    "YOLO": Detector(
        lambda: models.YOLO(NUM_CLASSES, input_shape=(*SIZE, 3), num_layers=1),
        _truth(detection.yolo_trainer),
        _BOXES,
    ),
    "YOLOv2": Detector(
        lambda: models.YOLOv2(NUM_CLASSES, [(20, 20), (40, 40), (60, 60)]),
        _with_loss,
        _grid_example,
    ),
}


def example_batch():
    """A batch of images with boxes, classes, masks and regions, of random places."""
    rng = np.random.default_rng(0)
    height, width = SIZE
    low = rng.uniform(0, (width - 60, height - 60), (BATCH, OBJECTS, 2))
    high = low + rng.uniform(12, 60, (BATCH, OBJECTS, 2))
    boxes = np.concatenate([low, high], -1).astype("float32")
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    across = (x >= boxes[..., :1]) & (x < boxes[..., 2:3])
    down = (y >= boxes[..., 1:2]) & (y < boxes[..., 3:])
    return {
        "images": rng.integers(0, 256, (BATCH, height, width, 3), dtype="uint8"),
        "boxes": boxes,
        "regions": np.tile(boxes, (1, REGIONS // OBJECTS, 1)),
        "classes": rng.integers(0, NUM_CLASSES, (BATCH, OBJECTS)).astype("int32"),
        "masks": (down[..., None] & across[..., None, :]).astype("uint8"),
    }


def headless(model):
    """The part of a detector that ends with its context; of `OverFeat`, at one scale.

    Example:

    >>> headless(DETECTORS["YOLOv2"].build()).output.shape[-1]
    128
    """
    if "net" in {layer.name for layer in model.layers}:
        model = model.get_layer("net")
    last = [layer for layer in model.layers if layer.name.startswith("context")][-1]
    return keras.Model(model.inputs[0], last.output, name="headless")


def measure(name, rounds):
    """Times one detector; returns a list of one row.

    Args:
        name: A key of `DETECTORS`.
        rounds: Integer, timed training steps of each contender.

    Returns:
        List of one dict: `detector`, `parameters`, `training` (the times of a step of
        `BATCH` images, of the whole and without its head) and `artefacts`, the
        milliseconds of one image by artefact, likewise.
    """
    keras.utils.set_random_seed(0)
    case, batch = DETECTORS[name], example_batch()
    model = case.build()
    features = headless(model)
    trained = case.trainer(model)
    # What a head of another task would ask of these maps: a gradient for each value.
    bare = keras.Model(features.inputs, features.output)
    bare.compile("adam", "mse")
    zeros = np.zeros((BATCH, *features.compute_output_shape(batch["images"].shape)[1:]))
    example = case.example(batch)
    training = race(
        {
            "whole": lambda: trained.train_on_batch(*example),
            "headless": lambda: bare.train_on_batch(batch["images"], zeros),
        },
        rounds,
    )
    axes = ("batch", "rows", "columns", features.output.shape[-1])
    (whole,) = detection.signatures(model)
    part = Signature(
        "serving_default",
        features,
        lambda model, images: {"features": model(images, training=False)},
        {"images": whole.inputs["images"]},
        {"features": Spec(axes, "float32")},
    )
    artefacts = {}
    for key, signature in (("whole", whole), ("headless", part)):
        inputs = {name: batch[name][:1] for name in signature.inputs}
        for artefact, milliseconds in _milliseconds(signature, inputs).items():
            artefacts.setdefault(artefact, {})[key] = milliseconds
    return [
        {
            "detector": name,
            "parameters": model.count_params(),
            "training": training,
            "artefacts": artefacts,
        }
    ]


def _milliseconds(signature, inputs):
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = export_model([signature], folder, inputs)
        except ExportError as error:
            # Random weights make scores that lie around the threshold: which boxes are
            # told may differ, and how long it takes does not.
            if error.report is None:
                raise
            report = error.report
    return {
        artefact: entry["signatures"]["serving_default"]["milliseconds"]
        for artefact, entry in report["artefacts"].items()
    }


def table(rows):
    """The rows as a Markdown table, in images per second.

    Example:

    >>> times = {"whole": {"median_ms": 400.0}, "headless": {"median_ms": 200.0}}
    >>> artefacts = {"onnx": {"whole": 20.0, "headless": 10.0}}
    >>> row = {"detector": "A", "parameters": 5, "training": times,
    ...        "artefacts": artefacts}
    >>> print(table([row]).splitlines()[-1])
    | A | 5 | 10 / 20 | 50 / 100 |
    """
    artefacts = list(dict.fromkeys(name for row in rows for name in row["artefacts"]))
    lines = [
        "| detector: images per second, whole / headless | parameters | training | "
        + " | ".join(artefacts)
        + " |",
        "| --- " * (3 + len(artefacts)) + "|",
    ]
    for row in rows:
        training = [
            f"{1000 * BATCH / row['training'][key]['median_ms']:.3g}"
            for key in ("whole", "headless")
        ]
        cells = [" / ".join(training)]
        for artefact in artefacts:
            times = row["artefacts"].get(artefact)
            cells.append(
                f"{1000 / times['whole']:.3g} / {1000 / times['headless']:.3g}"
                if times and "whole" in times
                else "-"
            )
        lines.append(
            f"| {row['detector']} | {row['parameters']:,} | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines)
