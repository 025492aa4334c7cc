"""YOLO (version 1): dense layers that answer for each cell of a grid."""

from numbers import Integral

import keras
from keras import layers

from tfrecvis.layers import CellBoxes, NonMaxSuppression, ScaleImages
from tfrecvis.losses import yolo_loss
from tfrecvis.models.backbones import build_backbone, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.models.detection.loss_terms import LossTerms, with_truth
from tfrecvis.models.detection.outside import without_outsiders
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_choice, check_integer, check_number


@with_presets
def YOLO(
    num_classes,
    grid=7,
    boxes_per_cell=2,
    input_shape=(448, 448, 3),
    backbone="conv",
    weights=None,
    backbone_filters=(16, 32, 64, 128, 256, 512),
    backbone_blocks=(0, 1, 1, 1, 1, 1),
    context="renet",
    units=48,
    num_layers=0,
    cell="lstm",
    head_units=4096,
    dropout=0.5,
    max_detections=100,
    score_threshold=0.01,
    name="yolo",
):
    """YOLO (version 1): dense layers that answer for each cell of a grid.

    The backbone's coarsest map, flattened, goes through two dense layers. The second
    gives, for each cell, the classes' probabilities and some boxes with a confidence
    each; see `tfrecvis.layers.CellBoxes`. Dense layers take maps of one size, so images
    must all have the size of `input_shape`; the commands bring photos to it.
    Suppression class by class is part of the model. `fit` trains it by
    `tfrecvis.models.detection.yolo_trainer(model)`.

    The dense layers see the whole image already: recurrent context is off as long as
    `num_layers` is 0.

    Reference: Redmon et al., 2016 (https://arxiv.org/abs/1506.02640).
    Differs from the paper: the backbone, with batch normalisation, which is trained
    from scratch; its last map should have about the size of the grid.

    Args:
        num_classes: Positive integer.
        grid: Positive integer S, cells down and across.
        boxes_per_cell: Positive integer.
        input_shape: `(height, width, 3)`, all integers.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer. `"mdlstm_conv"` and
            `"gridlstm_conv"` are the twins of the others; see `add_context`.
        units: Positive integer, units of each sweep.
        num_layers: Integer, layers of context.
        cell: `"lstm"` or `"gru"`.
        head_units: Positive integer, units of the first dense layer.
        dropout: Share of these units that is dropped in training, in [0, 1).
        max_detections: Positive integer.
        score_threshold: Number from 0 to 1, above which a box is a detection.
        name: String, name of the model.

    Input shape: `(batch, height, width, 3)`, RGB, 0-255, of the size of `input_shape`.
    Output shape: dict of `boxes` `(batch, max_detections, 4)`, xyxy, absolute pixels of
    the images, padded with zeros; `scores` `(batch, max_detections)`, the highest
    first; `classes` `(batch, max_detections)`, int32, padded with -1; and
    `num_detections` `(batch,)`, int32.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = YOLO(3, grid=4, input_shape=(60, 80, 3), backbone_filters=(8, 8, 16),
    ...              backbone_blocks=(0, 0, 0), head_units=32, max_detections=5)
    >>> tuple(model(keras.ops.zeros((1, 60, 80, 3)))["boxes"].shape)
    (1, 5, 4)
    """
    for key, value in (
        ("num_classes", num_classes),
        ("grid", grid),
        ("boxes_per_cell", boxes_per_cell),
        ("units", units),
        ("head_units", head_units),
        ("max_detections", max_detections),
    ):
        check_integer(key, value)
    _check_input_shape(input_shape)
    check_choice("context", context, CONTEXTS, '"conv" is the convolutional twin.')
    check_integer("num_layers", num_layers, least=0)
    check_number("dropout", dropout, below=1)
    features, _, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )
    images = image_input(input_shape)
    found = features(ScaleImages(scaling, name="scale")(images))
    maps = found[-1] if isinstance(found, (list, tuple)) else found
    for index in range(1, num_layers + 1):
        maps = add_context(
            maps, context, units, cell, 0.0, True, name=f"context{index}"
        )
    y = layers.Flatten(name="flat")(maps)
    y = layers.Dense(head_units, name="head_dense")(y)
    y = layers.LeakyReLU(negative_slope=0.1, name="head_relu")(y)
    y = layers.Dropout(dropout, name="head_dropout")(y)
    size = 5 * boxes_per_cell + num_classes
    y = layers.Dense(grid * grid * size, dtype="float32", name="cell_values")(y)
    values = layers.Reshape((grid, grid, size), dtype="float32", name="cells")(y)
    found = CellBoxes(boxes_per_cell, name="boxes")(values, images=images)
    scores = without_outsiders(found["scores"], found["boxes"])
    found = NonMaxSuppression(
        max_detections, score_threshold=score_threshold, name="detections"
    )(found["boxes"], scores=scores)
    return keras.Model(images, found, name=name)


def _check_input_shape(shape):
    known = isinstance(shape, (list, tuple)) and len(shape) == 3
    if not known or not all(isinstance(side, Integral) and side > 0 for side in shape):
        raise ValueError(
            "`input_shape` must be (height, width, 3), all positive integers: dense "
            f"layers take images of one size. Received: input_shape={shape!r}."
        )


def yolo_trainer(model):
    """The model that `fit` trains in place of a `YOLO`.

    It takes what the detector takes and the truth, and its loss is the sum of
    `tfrecvis.losses.yolo_loss`. All weights are the detector's own: what is fitted here
    is there at once.

    Args:
        model: What `YOLO` returned, or such a model from a file.

    Returns:
        A Keras model that takes a dict: `images` as the detector; `boxes`, float32
        `(batch, boxes, 4)`, xyxy, absolute pixels; and `classes`, int32 `(batch,
        boxes)`, -1 for padding. It needs no loss in `compile`, and under TensorFlow it
        names the terms of its loss as metrics.

    Raises:
        ValueError: The model is no such detector.

    Example:

    >>> import numpy as np
    >>> detector = YOLO(2, grid=2, input_shape=(32, 32, 3), backbone_filters=(8, 8),
    ...                 backbone_blocks=(0, 0), head_units=16)
    >>> trainer = yolo_trainer(detector)
    >>> trainer.compile("sgd")
    >>> batch = {"images": np.zeros((1, 32, 32, 3)), "classes": np.array([[1]]),
    ...          "boxes": np.array([[[4.0, 4.0, 12.0, 16.0]]])}
    >>> sorted(trainer.fit(batch, verbose=0).history)
    ['cell_boxes', 'cell_classes', 'loss', 'nothing', 'objects']
    """
    if not {"cells", "boxes"} <= {layer.name for layer in model.layers}:
        raise ValueError(
            f"`model` must be a YOLO. Received: {getattr(model, 'name', model)!r}."
        )
    inputs = with_truth(model)
    boxes, classes = inputs["boxes"], inputs["classes"]
    per_cell = model.get_layer("boxes").boxes_per_cell
    terms = _Terms(inputs["images"].shape[1:3], per_cell, name="terms")(
        model.get_layer("cells").output, boxes=boxes, classes=classes
    )
    return keras.Model(inputs, terms, name=f"{model.name}_trainer")


class _Terms(LossTerms):
    def __init__(self, image_size, boxes_per_cell, **kwargs):
        names = ("cell_boxes", "objects", "nothing", "cell_classes")
        super().__init__(names, **kwargs)
        self.image_size, self.boxes_per_cell = image_size, boxes_per_cell

    def call(self, values, boxes, classes):
        losses = yolo_loss(values, boxes, classes, self.image_size, self.boxes_per_cell)
        names = ("boxes", "objects", "nothing", "classes")
        return self.added([losses[name] for name in names])
