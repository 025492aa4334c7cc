"""Detectors of two stages: proposals, then what is in each of them."""

import math

import keras
from keras import layers, ops

from tfrecvis.layers import (
    Anchors,
    NonMaxSuppression,
    PadToMultiple,
    RegionProposals,
    RegionSamples,
    RoIAlign,
    ScaleImages,
)
from tfrecvis.losses import mask_loss, proposal_losses
from tfrecvis.models.backbones import build_backbone, conv_norm, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.models.detection.loss_terms import LossTerms, with_truth
from tfrecvis.models.detection.region_head import (
    RegionTerms,
    best_boxes,
    box_head,
    each_region,
)
from tfrecvis.ops import crop_masks
from tfrecvis.ops.checks import check_choice, check_integer, check_number

NECKS = ("fpn", "c4")
MASK_CELLS = 28  # of a mask, down and across


def build_two_stage(
    num_classes,
    anchor_sizes,
    anchor_ratios,
    backbone,
    weights,
    backbone_filters,
    backbone_blocks,
    context,
    units,
    num_layers,
    cell,
    dropout,
    neck,
    neck_filters,
    head_units,
    mask_filters,
    max_proposals,
    max_detections,
    score_threshold,
    input_shape,
    name,
):
    """The graph of `FasterRCNN` and, with `mask_filters`, of `MaskRCNN`; see there."""
    check_integer("num_classes", num_classes)
    check_choice("context", context, CONTEXTS, '"conv" is the convolutional twin.')
    check_choice("neck", neck, NECKS)
    for key, value in (
        ("units", units),
        ("neck_filters", neck_filters),
        ("head_units", head_units),
        ("max_proposals", max_proposals),
        ("max_detections", max_detections),
    ):
        check_integer(key, value)
    check_integer("num_layers", num_layers, least=0)
    check_number("dropout", dropout, below=1)
    features, strides, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )
    anchor_sizes = _sizes_of_levels(anchor_sizes, neck, strides)
    strides = strides[-len(anchor_sizes) :]

    images = image_input(input_shape)
    maps = ScaleImages(scaling, name="scale")(images)
    maps = PadToMultiple(strides[-1], name="pad")(maps)
    found = features(maps)
    found = found if isinstance(found, (list, tuple)) else [found]
    *finer, maps = found[-len(strides) :]
    for index in range(1, num_layers + 1):
        maps = add_context(
            maps, context, units, cell, dropout, True, name=f"context{index}"
        )
    pyramid = _pyramid([*finer, maps], strides, neck_filters)

    proposal_head = _proposal_head(
        neck_filters, len(anchor_sizes[0]) * len(anchor_ratios)
    )
    logits, deltas = zip(*(proposal_head(level) for level in pyramid), strict=True)
    logits, deltas = _joined(logits, "objectness"), _joined(deltas, "anchor_deltas")
    anchors = Anchors(strides, anchor_sizes, anchor_ratios, name="anchors")(pyramid)
    proposals = RegionProposals(max_proposals, name="proposals")(
        logits, deltas=deltas, anchors=anchors, images=images
    )

    # A region is read from the map whose anchors have its size.
    read = {
        "spatial_scale": tuple(1 / stride for stride in strides),
        "canonical_size": max(anchor_sizes[-1]),
        "canonical_level": round(math.log2(strides[-1])),
    }
    pooled = RoIAlign(7, name="region_features", **read)(pyramid, boxes=proposals)
    head = box_head(pooled.shape[2:], head_units, num_classes, neck)
    logits, deltas = each_region(head, pooled)
    suppression = NonMaxSuppression(
        max_detections, score_threshold=score_threshold, name="detections"
    )
    found = best_boxes(
        ops.softmax(logits)[..., 1:], deltas, proposals, images, suppression
    )
    if mask_filters:
        pooled = RoIAlign(14, name="mask_features", **read)(
            pyramid, boxes=found["boxes"]
        )
        mask_head = _mask_head(pooled.shape[2:], mask_filters, num_classes)
        masks = each_region(mask_head, pooled)
        chosen = ops.one_hot(found["classes"], num_classes, dtype="float32")
        masks = ops.sigmoid(ops.sum(masks * chosen[:, :, None, None, :], -1))
        found = {**found, "masks": masks}
    return keras.Model(images, found, name=name)


def _sizes_of_levels(anchor_sizes, neck, strides):
    """One list of sizes for each map."""
    sizes = [
        list(level) if isinstance(level, (list, tuple)) else [level]
        for level in anchor_sizes
    ]
    if neck == "c4":
        # One map has them all.
        return [[size for level in sizes for size in level]]
    if not 1 <= len(sizes) <= len(strides) or len(set(map(len, sizes))) != 1:
        raise ValueError(
            "`anchor_sizes` must name one size, or a list of as many each time, for "
            f"each map of the pyramid; the backbone has maps of the strides {strides}. "
            f"Received: anchor_sizes={anchor_sizes!r}."
        )
    return sizes


def _pyramid(maps, strides, filters):
    """The maps with what the coarser ones know, all of as many channels."""
    *finer, top = maps
    top = layers.Conv2D(filters, 1, name=f"lateral{strides[-1]}")(top)
    merged = [top]
    for level, stride in zip(finer[::-1], strides[-2::-1], strict=True):
        side = layers.Conv2D(filters, 1, name=f"lateral{stride}")(level)
        above = layers.UpSampling2D(name=f"up{stride}")(merged[0])
        merged.insert(0, layers.Add(name=f"merge{stride}")([side, above]))
    return [
        conv_norm(level, filters, name=f"level{stride}")
        for level, stride in zip(merged, strides, strict=True)
    ]


def _proposal_head(filters, count):
    maps = keras.Input((None, None, filters), name="maps")
    y = layers.Conv2D(
        filters, 3, padding="same", activation="relu", name="proposal_conv"
    )(maps)
    small = keras.initializers.RandomNormal(stddev=0.01)
    logits = layers.Conv2D(
        count, 1, kernel_initializer=small, dtype="float32", name="objectness_conv"
    )(y)
    deltas = layers.Conv2D(
        4 * count, 1, kernel_initializer=small, dtype="float32", name="anchor_conv"
    )(y)
    logits = layers.Reshape((-1,), dtype="float32", name="objectness_list")(logits)
    deltas = layers.Reshape((-1, 4), dtype="float32", name="anchor_list")(deltas)
    return keras.Model(maps, [logits, deltas], name="proposal_head")


def _joined(tensors, name):
    return layers.Concatenate(axis=1, dtype="float32", name=name)(list(tensors))


def _mask_head(shape, filters, num_classes):
    region = keras.Input(shape, name="region")
    y = region
    for index in (1, 2):
        y = layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=f"mask_conv{index}"
        )(y)
    y = layers.Conv2DTranspose(filters, 2, 2, activation="relu", name="mask_up")(y)
    y = layers.Conv2D(num_classes, 1, dtype="float32", name="mask_logits")(y)
    return keras.Model(region, y, name="mask_head")


def two_stage_trainer(model, num_samples=128, num_anchors=256, seed=None):
    """The model that `fit` trains in place of a detector of two stages.

    It takes what the detector takes and the truth, and its loss is the sum of
    `tfrecvis.losses.proposal_losses`, `region_losses` and, of a detector of masks,
    `mask_loss`. All weights are the detector's own: what is fitted here is there at
    once. Both stages are trained together, as in "approximate joint training".

    Reference: Ren et al., 2015, section 3.2 (https://arxiv.org/abs/1506.01497).

    Args:
        model: What `FasterRCNN` or `MaskRCNN` returned, or such a model from a file.
        num_samples: Integer, regions of each image for the second stage; a quarter of
            them positive at most, half for a detector of masks.
        num_anchors: Integer, anchors of each image for the first stage.
        seed: Integer or None, of what is drawn.

    Returns:
        A Keras model that takes a dict: `images` as the detector; `boxes`, float32
        `(batch, boxes, 4)`, xyxy, absolute pixels; `classes`, int32 `(batch, boxes)`,
        -1 for padding; and, of a detector of masks, `masks`, uint8 `(batch, boxes,
        height, width)`. It needs no loss in `compile`, and under TensorFlow it names
        the terms of its loss as metrics.

    Raises:
        ValueError: The model is no such detector.

    Example:

    >>> import numpy as np
    >>> from tfrecvis.models import FasterRCNN
    >>> detector = FasterRCNN(2, [8, 16], backbone_filters=(8, 8, 16),
    ...                       backbone_blocks=(0, 0, 0), neck_filters=8, units=4)
    >>> trainer = two_stage_trainer(detector)
    >>> trainer.compile("sgd")
    >>> batch = {"images": np.zeros((1, 32, 32, 3)), "classes": np.array([[1]]),
    ...          "boxes": np.array([[[4.0, 4.0, 12.0, 16.0]]])}
    >>> history = trainer.fit(batch, verbose=0)
    >>> sorted(history.history)
    ['anchor_boxes', 'loss', 'objects', 'region_boxes', 'region_classes']
    """
    names = {layer.name for layer in model.layers}
    if not {"anchors", "proposals", "box_head", "region_features"} <= names:
        raise ValueError(
            "`model` must be a detector of two stages, FasterRCNN or MaskRCNN. "
            f"Received: {getattr(model, 'name', model)!r}."
        )
    inputs = with_truth(model)
    boxes, classes = inputs["boxes"], inputs["classes"]
    anchors = model.get_layer("anchors")
    pyramid = [
        model.get_layer(f"level{stride}_relu").output for stride in anchors.strides
    ]
    has_masks = "mask_head" in names
    terms = _ProposalTerms(num_anchors, seed, name="proposal_terms")(
        model.get_layer("objectness").output,
        deltas=model.get_layer("anchor_deltas").output,
        anchors=anchors.output,
        boxes=boxes,
        classes=classes,
    )
    fraction = 0.5 if has_masks else 0.25
    drawn = RegionSamples(num_samples, fraction, seed=seed, name="samples")(
        model.get_layer("proposals").output, boxes=boxes, classes=classes
    )
    pooled = model.get_layer("region_features")(pyramid, boxes=drawn["regions"])
    logits, deltas = each_region(model.get_layer("box_head"), pooled)
    terms += RegionTerms(name="region_terms")(
        logits,
        deltas=deltas,
        regions=drawn["regions"],
        labels=drawn["labels"],
        boxes=drawn["boxes"],
    )
    if has_masks:
        inputs["masks"] = keras.Input((None, None, None), dtype="uint8", name="masks")
        few = int(num_samples * fraction)  # the positives are among the first ones
        drawn = {key: value[:, :few] for key, value in drawn.items()}
        pooled = model.get_layer("mask_features")(pyramid, boxes=drawn["regions"])
        logits = each_region(model.get_layer("mask_head"), pooled)
        terms += _MaskTerms(name="mask_terms")(
            logits,
            masks=inputs["masks"],
            regions=drawn["regions"],
            matches=drawn["matches"],
            labels=drawn["labels"],
        )
    return keras.Model(inputs, terms, name=f"{model.name}_trainer")


class _ProposalTerms(LossTerms):
    def __init__(self, num_samples, seed, **kwargs):
        super().__init__(("objects", "anchor_boxes"), **kwargs)
        self.num_samples = num_samples
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, logits, deltas, anchors, boxes, classes):
        losses = proposal_losses(
            logits,
            deltas,
            anchors,
            boxes,
            classes,
            self.num_samples,
            self.seed_generator,
        )
        return self.added([losses["objects"], losses["boxes"]])


class _MaskTerms(LossTerms):
    def __init__(self, **kwargs):
        super().__init__(("masks",), **kwargs)

    def call(self, logits, masks, regions, matches, labels):
        targets = crop_masks(masks, regions, matches, logits.shape[2])
        return self.added([mask_loss(logits, targets, labels)])
