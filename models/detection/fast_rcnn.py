"""Fast R-CNN: a class and a box for each region that comes from outside."""

import keras
from keras import ops

from tfrecvis.layers import (
    NonMaxSuppression,
    PadToMultiple,
    RegionSamples,
    RoIAlign,
    RoIPool,
    ScaleImages,
)
from tfrecvis.models.backbones import build_backbone, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.models.detection.loss_terms import with_truth
from tfrecvis.models.detection.region_head import (
    RegionTerms,
    best_boxes,
    box_head,
)
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_choice, check_integer, check_number

POOLINGS = {"roi_pool": RoIPool, "roi_align": RoIAlign}


@with_presets
def FastRCNN(
    num_classes,
    backbone="conv",
    weights=None,
    backbone_filters=(32, 64, 96, 128),
    backbone_blocks=(0, 1, 1, 1),
    context="renet",
    units=48,
    num_layers=1,
    cell="lstm",
    dropout=0.0,
    pooling="roi_pool",
    head_units=128,
    max_detections=100,
    score_threshold=0.05,
    input_shape=(None, None, 3),
    name="fast_rcnn",
):
    """Fast R-CNN: a class and a box for each region that comes from outside.

    The backbone makes one map of the image, and layers of recurrent context sweep over
    it. The features under each region, 7x7 of them, tell its class, or that it is
    background, and for each class its box anew. Suppression class by class, from an IoU
    of 0.3, is part of the model. The regions are an input: those of
    `tfrecvis.data.selective_search`, for instance. `fit` trains it by
    `tfrecvis.models.detection.fast_rcnn_trainer(model)`.

    Reference: Girshick, 2015 (https://arxiv.org/abs/1504.08083).
    Differs from the paper: the context, and a backbone and head of its own that are
    trained from scratch.

    Args:
        num_classes: Positive integer; the background is not counted.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer. `"mdlstm_conv"` and
            `"gridlstm_conv"` are the twins of the others; see `add_context`.
        units: Positive integer, units of each sweep.
        num_layers: Integer, layers of context; 0 leaves them out.
        cell: `"lstm"` or `"gru"`.
        dropout: Share of the context's channels that is dropped in training, in [0, 1).
        pooling: `"roi_pool"`, as in the paper; or `"roi_align"`, which does not round.
        head_units: Positive integer, units of both dense layers of the head.
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

    >>> model = FastRCNN(3, backbone_filters=(8, 8, 16), backbone_blocks=(0, 0, 0),
    ...                  units=4, max_detections=5)
    >>> regions = ops.convert_to_tensor([[[8.0, 8.0, 40.0, 30.0]]])
    >>> found = model({"images": ops.zeros((1, 60, 80, 3)), "regions": regions})
    >>> tuple(found["boxes"].shape)
    (1, 5, 4)
    """
    check_integer("num_classes", num_classes)
    check_choice("context", context, CONTEXTS, '"conv" is the convolutional twin.')
    check_choice("pooling", pooling, tuple(POOLINGS))
    for key, value in (
        ("units", units),
        ("head_units", head_units),
        ("max_detections", max_detections),
    ):
        check_integer(key, value)
    check_integer("num_layers", num_layers, least=0)
    check_number("dropout", dropout, below=1)
    features, strides, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )

    images = image_input(input_shape)
    regions = keras.Input((None, 4), name="regions")
    maps = ScaleImages(scaling, name="scale")(images)
    maps = PadToMultiple(strides[-1], name="pad")(maps)
    maps = features(maps)
    maps = maps[-1] if isinstance(maps, (list, tuple)) else maps
    for index in range(1, num_layers + 1):
        maps = add_context(
            maps, context, units, cell, dropout, True, name=f"context{index}"
        )

    pool = POOLINGS[pooling](7, 1 / strides[-1], name="region_features")
    pooled = pool(maps, boxes=regions)
    logits, deltas = box_head(pooled.shape[1:], head_units, num_classes)(pooled)
    suppression = NonMaxSuppression(
        max_detections,
        iou_threshold=0.3,
        score_threshold=score_threshold,
        name="detections",
    )
    scores = ops.softmax(logits)[..., 1:]
    found = best_boxes(scores, deltas, regions, images, suppression)
    return keras.Model({"images": images, "regions": regions}, found, name=name)


def fast_rcnn_trainer(model, num_samples=64, seed=None):
    """The model that `fit` trains in place of `FastRCNN`.

    It takes what the detector takes and the truth, and its loss is the sum of
    `tfrecvis.losses.region_losses`. Of each image `num_samples` regions are drawn: at
    most a quarter overlap a true box by an IoU of 0.5 or more, the others by 0.1 to
    0.5; true boxes count among the regions. All weights are the detector's own.

    Reference: Girshick, 2015, section 2.3 (https://arxiv.org/abs/1504.08083), and its
    published code for the true boxes.

    Args:
        model: What `FastRCNN` returned, or such a model from a file.
        num_samples: Integer, regions of each image; the paper has 64 of 2 images.
        seed: Integer or None, of what is drawn.

    Returns:
        A Keras model that takes a dict: `images` and `regions` as the detector;
        `boxes`, float32 `(batch, boxes, 4)`, xyxy, absolute pixels; and `classes`,
        int32 `(batch, boxes)`, -1 for padding. It needs no loss in `compile`, and under
        TensorFlow it names the terms of its loss as metrics.

    Raises:
        ValueError: The model is no such detector.

    Example:

    >>> import numpy as np
    >>> detector = FastRCNN(2, backbone_filters=(8, 8), backbone_blocks=(0, 0), units=4)
    >>> trainer = fast_rcnn_trainer(detector)
    >>> trainer.compile("sgd")
    >>> box = np.array([[[4.0, 4.0, 12.0, 16.0]]])
    >>> batch = {"images": np.zeros((1, 32, 32, 3)), "regions": box + 2,
    ...          "boxes": box, "classes": np.array([[1]])}
    >>> sorted(trainer.fit(batch, verbose=0).history)
    ['loss', 'region_boxes', 'region_classes']
    """
    names = {layer.name for layer in model.layers}
    takes = isinstance(model.input, dict) and set(model.input) == {"images", "regions"}
    if not takes or not {"region_features", "box_head"} <= names:
        raise ValueError(
            "`model` must be what FastRCNN returned. Received: "
            f"{getattr(model, 'name', model)!r}."
        )
    inputs = with_truth(model)
    boxes, classes = inputs["boxes"], inputs["classes"]
    drawn = RegionSamples(num_samples, 0.25, background=0.1, seed=seed, name="samples")(
        model.input["regions"], boxes=boxes, classes=classes
    )
    pool = model.get_layer("region_features")
    pooled = pool(pool.input[0], boxes=drawn["regions"])
    logits, deltas = model.get_layer("box_head")(pooled)
    terms = RegionTerms(name="region_terms")(
        logits,
        deltas=deltas,
        regions=drawn["regions"],
        labels=drawn["labels"],
        boxes=drawn["boxes"],
    )
    return keras.Model(inputs, terms, name=f"{model.name}_trainer")
