"""What detectors have in common that look at regions: a head, its boxes, its losses."""

import math

import keras
from keras import layers, ops

from tfrecvis.layers import RegionBoxes
from tfrecvis.losses import region_losses
from tfrecvis.models.detection.loss_terms import LossTerms
from tfrecvis.ops.boxes import box_area


def box_head(shape, units, num_classes, neck="fpn"):
    """What is in a region: two dense layers, or of one map a convolution more.

    Args:
        shape: `(rows, columns, channels)` of one region's features; or, for dense
            layers, `(None, rows, columns, channels)` of those of any number.
        units: Integer.
        num_classes: Integer, without background.
        neck: "fpn", or "c4" for convolutions.

    Returns:
        Keras model of features to logits, the background first, and deltas.
    """
    region = keras.Input(shape, name="region")
    y = region
    if neck == "c4":
        for index, strides in ((1, 2), (2, 1)):
            y = layers.Conv2D(
                units, 3, strides, "same", activation="relu", name=f"head_conv{index}"
            )(y)
        y = layers.GlobalAveragePooling2D(name="head_mean")(y)
    else:
        flat = layers.Flatten(name="flat")
        if len(shape) == 4:
            flat = layers.Reshape((-1, math.prod(shape[1:])), name="flat")
        y = flat(y)
        for index in (1, 2):
            y = layers.Dense(units, activation="relu", name=f"head_dense{index}")(y)
    logits = layers.Dense(
        1 + num_classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="class_logits",
    )(y)
    deltas = layers.Dense(
        4 * num_classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        dtype="float32",
        name="box_deltas",
    )(y)
    return keras.Model(region, [logits, deltas], name="box_head")


def each_region(model, regions):
    """What a model of one region's features gives for `(batch, regions, ...)`."""
    _, count, *shape = regions.shape
    found = model(ops.reshape(regions, (-1, *shape)))
    return keras.tree.map_structure(
        lambda y: ops.reshape(y, (-1, count, *y.shape[1:])), found
    )


def best_boxes(scores, deltas, regions, images, suppression):
    """The detections among the boxes that a head makes of regions.

    Args:
        scores: Tensor `(batch, regions, classes)`.
        deltas: Tensor `(batch, regions, 4 * classes)`; see `RegionBoxes`.
        regions: Tensor `(batch, regions, 4)`; those without area are padding.
        images: Tensor `(batch, height, width, 3)`, to which boxes are cut.
        suppression: `tfrecvis.layers.NonMaxSuppression`.

    Returns:
        What `suppression` gives.
    """
    boxes = RegionBoxes(name="region_boxes")(deltas, regions=regions, images=images)
    real = ops.cast(box_area(regions) > 0, "float32")
    return suppression(boxes, scores=scores * real[..., None])


class RegionTerms(LossTerms):
    """The two terms of `tfrecvis.losses.region_losses`."""

    def __init__(self, **kwargs):
        super().__init__(("region_classes", "region_boxes"), **kwargs)

    def call(self, logits, deltas, regions, labels, boxes):
        losses = region_losses(logits, deltas, regions, labels, boxes)
        return self.added([losses["classes"], losses["boxes"]])
