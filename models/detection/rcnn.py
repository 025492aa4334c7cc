"""R-CNN: a convolutional network looks at each region on its own."""

import keras
from keras import layers, ops

from tfrecvis.layers import (
    GroupNodes,
    NonMaxSuppression,
    RegionSamples,
    RoIAlign,
    ScaleImages,
)
from tfrecvis.models.backbones import build_backbone, image_input
from tfrecvis.models.detection.loss_terms import LossTerms, with_truth
from tfrecvis.models.detection.region_head import best_boxes, each_region
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_integer, check_number
from tfrecvis.ops.truth import class_fault

# Of a crop of 227 pixels, 16 on each side show what is around the region.
MARGIN = 16 / (227 - 2 * 16)  # shares of the region's sides


@with_presets
def RCNN(
    num_classes,
    backbone="conv",
    weights=None,
    backbone_filters=(32, 64, 96, 128),
    backbone_blocks=(0, 1, 1, 1),
    crop_size=227,
    head_units=128,
    dropout=0.5,
    max_detections=100,
    score_threshold=0.05,
    input_shape=(None, None, 3),
    name="rcnn",
):
    """R-CNN: a convolutional network looks at each region on its own.

    Each region, with a margin of 16/195 of its sides around it, is warped to a square;
    what lies outside of the image is grey. The network makes features of this crop, and
    a linear layer a score for each class. `fit` trains both by
    `tfrecvis.models.detection.rcnn_trainer(model)`, as a classifier with background;
    `tfrecvis.models.detection.fit_svms(model, batches)` then replaces the linear layer
    by support vector machines, and begins to move the boxes, by a ridge regression. A
    score is the sigmoid of a linear function: the probability of a class against the
    background after `fit`, and after `fit_svms` no probability. Suppression class by
    class, from an IoU of 0.3, is part of the model.

    The network runs once for each region: 500 crops of 64x64 pixels hold as many pixels
    as 27 images of 240x320, and crops of 227x227 twelve times as many.

    Reference: Girshick et al., 2014 (https://arxiv.org/abs/1311.2524).
    Differs from the paper: a network of its own that is trained from scratch, bilinear
    samples without smoothing, grey in place of the mean of the training images around
    an image, and boxes that are moved before the suppression.

    Args:
        num_classes: Positive integer; the background is not counted.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        crop_size: Positive integer, pixels of a crop down and across.
        head_units: Positive integer, units of both dense layers.
        dropout: Share of their units that is dropped in training, in [0, 1).
        max_detections: Positive integer.
        score_threshold: Number from 0 to 1, from which a region is a detection.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: dict of `images` `(batch, height, width, 3)`, RGB, 0-255, any size; and
    `regions` `(batch, regions, 4)`, xyxy, absolute pixels of the images, any number;
    those without area, such as zeros, are padding.
    Output shape: dict of `boxes` `(batch, max_detections, 4)`, xyxy, absolute pixels of
    the images, padded with zeros; `scores` `(batch, max_detections)`, the highest
    first; `classes` `(batch, max_detections)`, int32, padded with -1; and
    `num_detections` `(batch,)`, int32.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = RCNN(3, backbone_filters=(8, 8), backbone_blocks=(0, 0), crop_size=16,
    ...              max_detections=5)
    >>> regions = ops.convert_to_tensor([[[8.0, 8.0, 40.0, 30.0]]])
    >>> found = model({"images": ops.zeros((1, 60, 80, 3)), "regions": regions})
    >>> tuple(found["boxes"].shape)
    (1, 5, 4)
    """
    for key, value in (
        ("num_classes", num_classes),
        ("crop_size", crop_size),
        ("head_units", head_units),
        ("max_detections", max_detections),
    ):
        check_integer(key, value)
    check_number("dropout", dropout, below=1)
    backbone, _, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )
    images = image_input(input_shape)
    regions = keras.Input((None, 4), name="regions")
    scaled = ScaleImages(scaling, name="scale")(images)
    crops = RoIAlign(crop_size, sampling_ratio=1, name="crops")(
        scaled, boxes=with_margin(regions)
    )
    network = _network(backbone, crop_size, head_units, dropout)
    maps, features = network(ops.reshape(crops, (-1, crop_size, crop_size, 3)))
    maps, features = (
        GroupNodes(dtype="float32", name=name)(ops.expand_dims(y, 1), regions)
        for name, y in (("map_features", maps), ("features", features))
    )
    linear = layers.Dense(
        num_classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="class_scores",
    )
    deltas = layers.Dense(
        4 * num_classes, kernel_initializer="zeros", dtype="float32", name="box_deltas"
    )(maps)
    suppression = NonMaxSuppression(
        max_detections,
        iou_threshold=0.3,
        score_threshold=score_threshold,
        name="detections",
    )
    scores = ops.sigmoid(linear(features))
    found = best_boxes(scores, deltas, regions, images, suppression)
    return keras.Model({"images": images, "regions": regions}, found, name=name)


def with_margin(regions):
    """Regions and what is around them: 16 of 227 pixels of a crop on each side.

    Example:

    >>> regions = ops.convert_to_tensor([[10.0, 20.0, 205.0, 215.0]])
    >>> ops.convert_to_numpy(with_margin(regions)).round(3).tolist()
    [[-6.0, 4.0, 221.0, 231.0]]
    """
    low, high = regions[..., :2], regions[..., 2:]
    margin = MARGIN * (high - low)
    return ops.concatenate([low - margin, high + margin], -1)


def _network(backbone, size, units, dropout):
    """From a crop to the features of boxes (the last map) and of classes."""
    crop = keras.Input((size, size, 3), name="crop")
    maps = backbone(crop)
    maps = maps[-1] if isinstance(maps, (list, tuple)) else maps
    maps = layers.Flatten(name="flat")(maps)
    y = maps
    for index in (1, 2):
        y = layers.Dense(units, activation="relu", name=f"dense{index}")(y)
        if dropout:
            y = layers.Dropout(dropout, name=f"dropout{index}")(y)
    return keras.Model(crop, [maps, y], name="crop_network")


def rcnn_trainer(model, num_samples=64, seed=None):
    """The model that `fit` trains in place of `RCNN`: a classifier of crops.

    Of each image `num_samples` regions are drawn: at most a quarter overlap a true box
    by an IoU of 0.5 or more, the others by less; true boxes count among the regions.
    The loss is the mean cross-entropy of their classes and of background, whose logit
    is zero. All weights are the detector's own.

    Reference: Girshick et al., 2014, section 2.3 (https://arxiv.org/abs/1311.2524).
    Differs from the paper: its 128 regions of a step come from all images.

    Args:
        model: What `RCNN` returned, or such a model from a file.
        num_samples: Integer, regions of each image.
        seed: Integer or None, of what is drawn.

    Returns:
        A Keras model that takes a dict: `images` and `regions` as the detector;
        `boxes`, float32 `(batch, boxes, 4)`, xyxy, absolute pixels; and `classes`,
        int32 `(batch, boxes)`, -1 for padding. It needs no loss in `compile`.

    Raises:
        ValueError: The model is no such detector.

    Example:

    >>> import numpy as np
    >>> detector = RCNN(2, backbone_filters=(8, 8), backbone_blocks=(0, 0),
    ...                 crop_size=16)
    >>> trainer = rcnn_trainer(detector)
    >>> trainer.compile("sgd")
    >>> box = np.array([[[4.0, 4.0, 12.0, 16.0]]])
    >>> batch = {"images": np.zeros((1, 32, 32, 3)), "regions": box + 2,
    ...          "boxes": box, "classes": np.array([[1]])}
    >>> sorted(trainer.fit(batch, verbose=0).history)
    ['loss', 'region_classes']
    """
    check_rcnn(model)
    inputs = with_truth(model)
    boxes, classes = inputs["boxes"], inputs["classes"]
    drawn = RegionSamples(num_samples, 0.25, seed=seed, name="samples")(
        model.input["regions"], boxes=boxes, classes=classes
    )
    crops = model.get_layer("crops")(
        model.get_layer("scale").output, boxes=with_margin(drawn["regions"])
    )
    _, features = each_region(model.get_layer("crop_network"), crops)
    logits = model.get_layer("class_scores")(features)
    terms = _ClassTerms(name="class_terms")(logits, labels=drawn["labels"])
    return keras.Model(inputs, terms, name=f"{model.name}_trainer")


def check_rcnn(model):
    """Refuses what is no model of `RCNN`."""
    names = {layer.name for layer in model.layers}
    if not {"crops", "crop_network", "class_scores", "box_deltas"} <= names:
        raise ValueError(
            "`model` must be what RCNN returned. Received: "
            f"{getattr(model, 'name', model)!r}."
        )


class _ClassTerms(LossTerms):
    def __init__(self, **kwargs):
        super().__init__(("region_classes",), **kwargs)

    def call(self, logits, labels):
        num_classes = logits.shape[-1]
        fault = class_fault(ops.maximum(labels, 0) - 1, num_classes)
        labels = ops.minimum(labels, num_classes)
        logits = ops.concatenate([ops.zeros_like(logits[..., :1]), logits], -1)
        losses = keras.losses.sparse_categorical_crossentropy(
            ops.maximum(labels, 0), logits, from_logits=True
        )
        drawn = ops.cast(labels >= 0, "float32")
        count = ops.maximum(ops.sum(drawn), 1.0)
        return self.added([ops.sum(losses * drawn) / count + fault])
