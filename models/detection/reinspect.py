"""ReInspect: each cell of a map emits boxes one after the other, until it stops."""

import keras
from keras import layers

from tfrecvis.layers import (
    NonMaxSuppression,
    PadToMultiple,
    RolloutLSTM,
    ScaleImages,
    SequenceBoxes,
)
from tfrecvis.losses import hungarian_loss
from tfrecvis.models.backbones import build_backbone, conv_norm, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.models.detection.loss_terms import LossTerms, with_truth
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.assignment import MOST
from tfrecvis.ops.checks import check_choice, check_integer, check_number


@with_presets
def ReInspect(
    num_classes,
    backbone="conv",
    weights=None,
    backbone_filters=(32, 64, 96, 128, 128),
    backbone_blocks=(0, 1, 1, 1, 1),
    context="renet",
    units=48,
    num_layers=1,
    cell="lstm",
    dropout=0.0,
    head_filters=256,
    lstm_units=250,
    steps=5,
    box_size=50.0,
    max_detections=100,
    score_threshold=0.05,
    input_shape=(None, None, 3),
    name="reinspect",
):
    """ReInspect: each cell of a map emits boxes one after the other, until it stops.

    The backbone makes a coarse map, and layers of recurrent context sweep over it. In
    each cell an LSTM reads the cell's features at every step, and each step tells a
    box, and its class or that there is no more: objects that stand close to each other
    are told apart by their turn. Suppression class by class joins what neighbouring
    cells found of one object, and is part of the model.
    `fit` trains it by `tfrecvis.models.detection.reinspect_trainer(model)`.

    Reference: Stewart and Andriluka, 2016 (https://arxiv.org/abs/1506.04878).
    Differs from the paper: suppression over the whole image in place of stitching,
    which adds cell after cell and drops a new box where an assignment gives it to an
    accepted one; the context; several classes; and a backbone trained from scratch.

    Args:
        num_classes: Positive integer; "stop" is not counted.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer. `"mdlstm_conv"` and
            `"gridlstm_conv"` are the twins of the others; see `add_context`.
        units: Positive integer, units of each sweep.
        num_layers: Integer, layers of context; 0 leaves them out.
        cell: `"lstm"` or `"gru"`, of the context.
        dropout: Share of the context's channels that is dropped in training, in [0, 1).
        head_filters: Positive integer, channels of the features that a cell reads.
        lstm_units: Positive integer, units of the LSTM in each cell.
        steps: Integer from 1 to 6, boxes that a cell can emit.
        box_size: Number, pixels: the unit of offsets, and the side of untrained boxes.
        max_detections: Positive integer.
        score_threshold: Number from 0 to 1, from which a box is a detection.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: `(batch, height, width, 3)`, RGB, 0-255, any size.
    Output shape: dict as that of `FasterRCNN`.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = ReInspect(3, backbone_filters=(8, 8, 16), backbone_blocks=(0, 0, 0),
    ...                   lstm_units=8, max_detections=5)
    >>> found = model(keras.ops.zeros((1, 60, 80, 3)))
    >>> tuple(found["boxes"].shape)
    (1, 5, 4)
    """
    check_choice("context", context, CONTEXTS, '"conv" is the convolutional twin.')
    for key, value in (
        ("num_classes", num_classes),
        ("units", units),
        ("head_filters", head_filters),
        ("lstm_units", lstm_units),
        ("steps", steps),
        ("max_detections", max_detections),
    ):
        check_integer(key, value)
    if steps > MOST:
        raise ValueError(
            f"`steps` must be at most {MOST}, since the loss tries all permutations. "
            f"Received: steps={steps}. Use a finer map instead: fewer stages."
        )
    check_integer("num_layers", num_layers, least=0)
    check_number("dropout", dropout, below=1)
    check_number("box_size", box_size, positive=True)
    features, strides, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )
    images = image_input(input_shape)
    maps = ScaleImages(scaling, name="scale")(images)
    maps = PadToMultiple(strides[-1], name="pad")(maps)
    maps = features(maps)
    maps = maps[-1] if isinstance(maps, (list, tuple)) else maps
    for index in range(1, num_layers + 1):
        maps = add_context(
            maps, context, units, cell, dropout, True, name=f"context{index}"
        )
    maps = conv_norm(maps, head_filters, name="head")
    turns = RolloutLSTM(lstm_units, steps, name="turns")(maps)
    logits = _each_step(1 + num_classes, steps, "logits")(turns)
    offsets = _each_step(4, steps, "raw_offsets")
    raw = offsets(turns)
    # Boxes begin in the middle of their cells, with sides of `box_size`.
    offsets.bias.assign([[0.0, 0.0, 1.0, 1.0]] * steps)
    raw = layers.Rescaling(float(box_size), dtype="float32", name="offsets")(raw)
    boxes = SequenceBoxes(strides[-1], name="boxes")(raw, logits=logits, images=images)
    found = NonMaxSuppression(
        max_detections, score_threshold=score_threshold, name="detections"
    )(boxes["boxes"], scores=boxes["scores"])
    return keras.Model(images, found, name=name)


def _each_step(size, steps, name):
    """A dense layer over `(batch, rows, columns, steps, units)`, each step its own."""
    return layers.EinsumDense(
        "bhwtu,tuv->bhwtv",
        (None, None, steps, size),
        bias_axes="tv",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name=name,
    )


def reinspect_trainer(model):
    """The model that `fit` trains in place of a `ReInspect`.

    It takes what the detector takes and the truth, and its loss is the sum of
    `tfrecvis.losses.hungarian_loss`. All weights are the detector's own: what is fitted
    here is there at once.

    Reference: Stewart and Andriluka, 2016 (https://arxiv.org/abs/1506.04878).

    Args:
        model: What `ReInspect` returned, or such a model from a file.

    Returns:
        A Keras model that takes a dict: `images` as the detector; `boxes`, float32
        `(batch, boxes, 4)`, xyxy, absolute pixels; `classes`, int32 `(batch, boxes)`,
        -1 for padding. It needs no loss in `compile`, and under TensorFlow it names
        the terms of its loss as metrics.

    Raises:
        ValueError: The model is no such detector.

    Example:

    >>> import numpy as np
    >>> detector = ReInspect(2, backbone_filters=(8, 8, 16), backbone_blocks=(0, 0, 0),
    ...                      units=4, lstm_units=8)
    >>> trainer = reinspect_trainer(detector)
    >>> trainer.compile("sgd")
    >>> batch = {"images": np.zeros((1, 32, 32, 3)), "classes": np.array([[1]]),
    ...          "boxes": np.array([[[4.0, 4.0, 12.0, 16.0]]])}
    >>> history = trainer.fit(batch, verbose=0)
    >>> sorted(history.history)
    ['boxes', 'classes', 'loss']
    """
    names = {layer.name for layer in getattr(model, "layers", [])}
    if not {"turns", "logits", "offsets", "boxes"} <= names:
        raise ValueError(
            f"`model` must be a ReInspect. Received: {getattr(model, 'name', model)!r}."
        )
    inputs = with_truth(model)
    stride = model.get_layer("boxes").stride
    terms = _HungarianTerms(stride, name="hungarian_terms")(
        model.get_layer("logits").output,
        offsets=model.get_layer("offsets").output,
        boxes=inputs["boxes"],
        classes=inputs["classes"],
    )
    return keras.Model(inputs, terms, name=f"{model.name}_trainer")


class _HungarianTerms(LossTerms):
    def __init__(self, stride, **kwargs):
        super().__init__(("classes", "boxes"), **kwargs)
        self.stride = stride

    def call(self, logits, offsets, boxes, classes):
        losses = hungarian_loss(logits, offsets, boxes, classes, self.stride)
        return self.added([losses["classes"], losses["boxes"]])
