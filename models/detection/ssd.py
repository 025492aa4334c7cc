"""SSD: classes and boxes of anchors on maps of several sizes, in one stage."""

import math

import keras
from keras import layers, ops

from tfrecvis.layers import (
    Anchors,
    NonMaxSuppression,
    PadToMultiple,
    RegionBoxes,
    ScaleImages,
)
from tfrecvis.losses import ssd_loss
from tfrecvis.models.backbones import build_backbone, conv_norm, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.models.detection.loss_terms import LossTerms, with_truth
from tfrecvis.models.detection.outside import without_outsiders
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import as_integers, check_choice, check_integer, check_number

IOU = 0.45  # above which the less certain box of a class is suppressed


@with_presets
def SSD(
    num_classes,
    anchor_sizes,
    anchor_ratios=(0.5, 1.0, 2.0),
    backbone="conv",
    weights=None,
    backbone_filters=(32, 64, 96, 128),
    backbone_blocks=(0, 1, 1, 1),
    extra_filters=(128,),
    context="renet",
    units=48,
    num_layers=1,
    cell="lstm",
    dropout=0.0,
    max_detections=200,
    score_threshold=0.01,
    input_shape=(None, None, 3),
    name="ssd",
):
    """SSD: classes and boxes of anchors on maps of several sizes, in one stage.

    The backbone's last maps, and coarser ones that strided convolutions add, each carry
    anchors of their own size. A 3x3 convolution on each map tells the class of its
    anchors, or that they are background, and how they move. Layers of recurrent context
    sweep over the backbone's coarsest map: its anchors and those of the added maps hear
    from the whole image, those of the finer maps do not. Suppression class by class is
    part of the model. `fit` trains it by
    `tfrecvis.models.detection.ssd_trainer(model)`.

    With s_k the k-th of `anchor_sizes`, map k has at each place the anchors

        w = s_k / sqrt(ratio),  h = s_k * sqrt(ratio)    for each ratio
        w = h = sqrt(s_k * s_{k+1})

    Reference: Liu et al., 2016 (https://arxiv.org/abs/1512.02325).
    Differs from the paper: the context; a backbone with batch normalisation, in place
    of a normalised map of VGG16; and 1000 candidates of all classes together, in place
    of 400 of each, before suppression.

    Args:
        num_classes: Positive integer; the background is not counted.
        anchor_sizes: List of numbers, pixels: one for each map, the finest first, and
            one more. There are as many maps as numbers but one: those of
            `extra_filters`, and before them the last ones of the backbone.
        anchor_ratios: List of numbers, height over width, for all maps; or a list of
            lists, one for each map.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        extra_filters: Tuple of positive integers, channels of each map behind the
            backbone, half as high and wide as the one before; it may be empty.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer. `"mdlstm_conv"` and
            `"gridlstm_conv"` are the twins of the others; see `add_context`.
        units: Positive integer, units of each sweep.
        num_layers: Integer, layers of context; 0 leaves them out, as in the paper.
        cell: `"lstm"` or `"gru"`.
        dropout: Share of the context's channels that is dropped in training, in [0, 1).
        max_detections: Positive integer.
        score_threshold: Number from 0 to 1, above which a box is a detection.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: `(batch, height, width, 3)`, RGB, 0-255, any size.
    Output shape: dict of `boxes` `(batch, max_detections, 4)`, xyxy, absolute pixels of
    the images, padded with zeros; `scores` `(batch, max_detections)`, the highest
    first; `classes` `(batch, max_detections)`, int32, padded with -1; and
    `num_detections` `(batch,)`, int32.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = SSD(3, [12, 24, 48], backbone_filters=(8, 8, 16),
    ...             backbone_blocks=(0, 0, 0), extra_filters=(16,), max_detections=5)
    >>> tuple(model(ops.zeros((1, 60, 80, 3)))["boxes"].shape)
    (1, 5, 4)
    """
    check_integer("num_classes", num_classes)
    check_choice("context", context, CONTEXTS, '"conv" is the convolutional twin.')
    check_integer("units", units)
    check_integer("num_layers", num_layers, least=0)
    check_number("dropout", dropout, below=1)
    check_integer("max_detections", max_detections)
    extra_filters = as_integers("extra_filters", extra_filters)
    features, strides, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )
    count = _maps_of_backbone(anchor_sizes, extra_filters, strides)

    images = image_input(input_shape)
    maps = ScaleImages(scaling, name="scale")(images)
    maps = PadToMultiple(strides[-1], name="pad")(maps)
    found = features(maps)
    found = found if isinstance(found, (list, tuple)) else [found]
    *finer, maps = found[-count:]
    for index in range(1, num_layers + 1):
        maps = add_context(
            maps, context, units, cell, dropout, True, name=f"context{index}"
        )
    pyramid, strides = [*finer, maps], list(strides[-count:])
    for filters in extra_filters:
        strides.append(2 * strides[-1])
        name_of_map = f"extra{strides[-1]}"
        maps = conv_norm(maps, max(1, filters // 2), 1, name=f"{name_of_map}_in")
        maps = conv_norm(maps, filters, strides=2, name=name_of_map)
        pyramid.append(maps)

    sizes = [[size] for size in anchor_sizes[:-1]]
    pairs = zip(anchor_sizes, anchor_sizes[1:], strict=False)
    squares = [[math.sqrt(size * following)] for size, following in pairs]
    anchors = Anchors(strides, sizes, anchor_ratios, squares, name="anchors")
    heads = list(zip(pyramid, strides, anchors.counts, strict=True))
    logits = _heads(heads, 1 + num_classes, "class_logits")
    deltas = _heads(heads, 4, "box_deltas")
    boxes = RegionBoxes(name="boxes")(deltas, regions=anchors(pyramid), images=images)
    boxes = layers.Reshape((-1, 4), dtype="float32", name="box_list")(boxes)
    found = NonMaxSuppression(
        max_detections, IOU, score_threshold=score_threshold, name="detections"
    )(boxes, scores=without_outsiders(ops.softmax(logits)[..., 1:], boxes))
    return keras.Model(images, found, name=name)


def _maps_of_backbone(anchor_sizes, extra_filters, strides):
    """How many maps of the backbone carry anchors."""
    if not isinstance(anchor_sizes, (list, tuple)):
        anchor_sizes = ()
    count = len(anchor_sizes) - 1 - len(extra_filters)
    if not 1 <= count <= len(strides):
        raise ValueError(
            "`anchor_sizes` must be a list with one size for each map and one more: "
            f"from 2 to {len(strides) + 1} for the backbone's maps of the strides "
            f"{strides}, and {len(extra_filters)} for those of `extra_filters`. "
            f"Received: anchor_sizes={anchor_sizes!r}, extra_filters={extra_filters!r}."
        )
    for size in anchor_sizes:
        check_number("anchor_sizes", size, positive=True)
    if sorted(anchor_sizes) != list(anchor_sizes):
        raise ValueError(
            "`anchor_sizes` must grow from map to map: the finest map comes first. "
            f"Received: anchor_sizes={anchor_sizes!r}."
        )
    return count


def _heads(maps, size, name):
    """`size` values for each anchor of each map, as `(batch, anchors, size)`."""
    lists = []
    for level, stride, count in maps:
        values = layers.Conv2D(
            count * size, 3, padding="same", dtype="float32", name=f"{name}{stride}"
        )(level)
        as_list = layers.Reshape(
            (-1, size), dtype="float32", name=f"{name}{stride}_list"
        )
        lists.append(as_list(values))
    return layers.Concatenate(axis=1, dtype="float32", name=name)(lists)


def ssd_trainer(model):
    """The model that `fit` trains in place of an `SSD`.

    It takes what the detector takes and the truth, and its loss is the sum of
    `tfrecvis.losses.ssd_loss`. All weights are the detector's own: what is fitted here
    is there at once.

    Args:
        model: What `SSD` returned, or such a model from a file.

    Returns:
        A Keras model that takes a dict: `images` as the detector; `boxes`, float32
        `(batch, boxes, 4)`, xyxy, absolute pixels; and `classes`, int32 `(batch,
        boxes)`, -1 for padding. It needs no loss in `compile`, and under TensorFlow it
        names the terms of its loss as metrics.

    Raises:
        ValueError: The model is no such detector.

    Example:

    >>> import numpy as np
    >>> detector = SSD(2, [8, 16, 32], backbone_filters=(8, 8), extra_filters=(),
    ...                backbone_blocks=(0, 0), units=4)
    >>> trainer = ssd_trainer(detector)
    >>> trainer.compile("sgd")
    >>> batch = {"images": np.zeros((1, 32, 32, 3)), "classes": np.array([[1]]),
    ...          "boxes": np.array([[[4.0, 4.0, 12.0, 16.0]]])}
    >>> sorted(trainer.fit(batch, verbose=0).history)
    ['anchor_boxes', 'anchor_classes', 'loss']
    """
    names = {layer.name for layer in model.layers}
    if not {"anchors", "class_logits", "box_deltas"} <= names:
        raise ValueError(
            f"`model` must be an SSD. Received: {getattr(model, 'name', model)!r}."
        )
    inputs = with_truth(model)
    boxes, classes = inputs["boxes"], inputs["classes"]
    terms = _Terms(name="terms")(
        model.get_layer("class_logits").output,
        deltas=model.get_layer("box_deltas").output,
        anchors=model.get_layer("anchors").output,
        boxes=boxes,
        classes=classes,
    )
    return keras.Model(inputs, terms, name=f"{model.name}_trainer")


class _Terms(LossTerms):
    def __init__(self, **kwargs):
        super().__init__(("anchor_classes", "anchor_boxes"), **kwargs)

    def call(self, logits, deltas, anchors, boxes, classes):
        losses = ssd_loss(logits, deltas, anchors, boxes, classes)
        return self.added([losses["classes"], losses["boxes"]])
