"""OverFeat: one net slides over images of several scales; its boxes are merged."""

import keras
from keras import layers, ops

from tfrecvis.layers import (
    BoxMerging,
    PadToMultiple,
    ResizeImages,
    ScaleImages,
    SlidingWindows,
    WindowBoxes,
)
from tfrecvis.losses import window_losses
from tfrecvis.models.backbones import build_backbone, conv_norm, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.models.detection.loss_terms import LossTerms, with_truth
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_choice, check_integer, check_number

RARE = 4.6  # the logit of background beside classes of probabilities below 0.01


@with_presets
def OverFeat(
    num_classes,
    scales=(1.0, 1.5, 2.0),
    window_cells=3,
    backbone="conv",
    weights=None,
    backbone_filters=(32, 64, 96, 128),
    backbone_blocks=(0, 1, 1, 1),
    context="renet",
    units=48,
    num_layers=1,
    cell="lstm",
    dropout=0.0,
    head_filters=128,
    max_detections=100,
    score_threshold=0.05,
    match_threshold=0.0,
    input_shape=(None, None, 3),
    name="overfeat",
):
    """OverFeat: one net slides over images of several scales; its boxes are merged.

    The net is convolutional from end to end: each position of its map is a window of
    `window_cells` times the backbone's stride, and a larger image has more windows in
    the same pass. Each window tells its class, or that it is background, and a box for
    each class. The same net looks at the image at each of `scales`; the boxes of all
    windows that agree are merged, in place of suppression. Layers of recurrent context
    sweep over the map, so that each window hears from all others.
    `fit` trains it by `tfrecvis.models.detection.overfeat_trainer(model)`.

    Reference: Sermanet et al., 2014 (https://arxiv.org/abs/1312.6229).
    Differs from the paper: windows lie one stride apart, without the shifted poolings
    that make them denser, and cross the border of the image; one convolution in place
    of two dense layers before classes and boxes; the match score of `BoxMerging`; the
    context; and a backbone trained from scratch.

    Args:
        num_classes: Positive integer; the background is not counted.
        scales: List of numbers, the factors by which the image is resized. A window
            answers for objects about as large as `window_cells * stride / scale`.
        window_cells: Positive odd integer, side of a window in cells of the map.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer. `"mdlstm_conv"` and
            `"gridlstm_conv"` are the twins of the others; see `add_context`.
        units: Positive integer, units of each sweep.
        num_layers: Integer, layers of context; 0 leaves them out.
        cell: `"lstm"` or `"gru"`.
        dropout: Share of the context's channels that is dropped in training, in [0, 1).
        head_filters: Positive integer, channels of the convolution over each window.
        max_detections: Positive integer.
        score_threshold: Number from 0 to 1, from which a window takes part.
        match_threshold: Number from -1 to 1; see `BoxMerging`.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: `(batch, height, width, 3)`, RGB, 0-255, any size.
    Output shape: dict as that of `FasterRCNN`.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = OverFeat(3, scales=[1.0, 1.5], backbone_filters=(8, 8, 16),
    ...                  backbone_blocks=(0, 0, 0), max_detections=5)
    >>> found = model(keras.ops.zeros((1, 60, 80, 3)))
    >>> tuple(found["boxes"].shape)
    (1, 5, 4)
    """
    check_choice("context", context, CONTEXTS, '"conv" is the convolutional twin.')
    for key, value in (
        ("num_classes", num_classes),
        ("window_cells", window_cells),
        ("units", units),
        ("head_filters", head_filters),
        ("max_detections", max_detections),
    ):
        check_integer(key, value)
    check_integer("num_layers", num_layers, least=0)
    check_number("dropout", dropout, below=1)
    if window_cells % 2 == 0:
        raise ValueError(
            "`window_cells` must be odd, so that a window has a cell in its middle. "
            f"Received: window_cells={window_cells}. Use {window_cells + 1}."
        )
    if not isinstance(scales, (list, tuple)) or not scales:
        raise ValueError(
            "`scales` must be a list of numbers, one or more. Received: "
            f"scales={scales!r}."
        )
    features, strides, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )
    photo = keras.Input((None, None, 3), name="image")
    maps = ScaleImages(scaling, name="scale")(photo)
    maps = PadToMultiple(strides[-1], name="pad")(maps)
    maps = features(maps)
    maps = maps[-1] if isinstance(maps, (list, tuple)) else maps
    for index in range(1, num_layers + 1):
        maps = add_context(
            maps, context, units, cell, dropout, True, name=f"context{index}"
        )
    maps = conv_norm(maps, head_filters, window_cells, name="window")
    net = keras.Model(photo, _heads(maps, num_classes), name="net")

    images = image_input(input_shape)
    found = []
    for scale in scales:
        resized = ResizeImages(scale, name=_named("resize", scale))(images)
        logits, edges = net(resized)
        windows = SlidingWindows(
            strides[-1], window_cells * strides[-1], name=_named("windows", scale)
        )(edges, scaled=resized, images=images)
        found.append((_listed(logits), _listed(edges), windows))
    logits, edges, windows = zip(*found, strict=True)
    logits, edges = _joined(logits, 1, "logits"), _joined(edges, 1, "edges")
    windows = _joined(windows, 0, "windows")
    boxes = WindowBoxes(name="boxes")(edges, windows=windows, images=images)
    scores = ops.softmax(logits)[..., 1:]
    merged = BoxMerging(
        max_detections, match_threshold, score_threshold, name="detections"
    )(boxes, scores=scores)
    return keras.Model(images, merged, name=name)


def _heads(maps, num_classes):
    """Logits, and edges that begin at those of the window; hardly any is an object."""
    small = keras.initializers.RandomNormal(stddev=0.01)
    sizes = {"class_logits": 1 + num_classes, "box_edges": 4 * num_classes}
    logits, edges = (
        layers.Conv2D(size, 1, kernel_initializer=small, dtype="float32", name=name)
        for name, size in sizes.items()
    )
    found = [logits(maps), edges(maps)]
    logits.bias.assign([RARE] + [0.0] * num_classes)
    edges.bias.assign([0.0, 0.0, 1.0, 1.0] * num_classes)
    return found


def _named(what, scale):
    return f"{what}_{scale:g}".replace(".", "_")


def _listed(maps):
    return layers.Reshape((-1, maps.shape[-1]), dtype="float32")(maps)


def _joined(parts, axis, name):
    return layers.Concatenate(axis, dtype="float32", name=name)(list(parts))


def overfeat_trainer(model):
    """The model that `fit` trains in place of an `OverFeat`.

    It takes what the detector takes and the truth, and its loss is the sum of
    `tfrecvis.losses.window_losses`, over the windows of all scales. All weights are the
    detector's own: what is fitted here is there at once.

    Reference: Sermanet et al., 2014 (https://arxiv.org/abs/1312.6229).

    Args:
        model: What `OverFeat` returned, or such a model from a file.

    Returns:
        A Keras model that takes a dict: `images` as the detector; `boxes`, float32
        `(batch, boxes, 4)`, xyxy, absolute pixels; `classes`, int32 `(batch, boxes)`,
        -1 for padding. It needs no loss in `compile`, and under TensorFlow it names
        the terms of its loss as metrics.

    Raises:
        ValueError: The model is no such detector.

    Example:

    >>> import numpy as np
    >>> detector = OverFeat(2, [1.0], backbone_filters=(8, 8, 16),
    ...                     backbone_blocks=(0, 0, 0), units=4)
    >>> trainer = overfeat_trainer(detector)
    >>> trainer.compile("sgd")
    >>> batch = {"images": np.zeros((1, 32, 32, 3)), "classes": np.array([[1]]),
    ...          "boxes": np.array([[[4.0, 4.0, 20.0, 24.0]]])}
    >>> history = trainer.fit(batch, verbose=0)
    >>> sorted(history.history)
    ['boxes', 'classes', 'loss']
    """
    names = {layer.name for layer in getattr(model, "layers", [])}
    if not {"net", "logits", "edges", "windows"} <= names:
        raise ValueError(
            f"`model` must be an OverFeat. Received: {getattr(model, 'name', model)!r}."
        )
    inputs = with_truth(model)
    terms = _WindowTerms(name="window_terms")(
        model.get_layer("logits").output,
        edges=model.get_layer("edges").output,
        windows=model.get_layer("windows").output,
        boxes=inputs["boxes"],
        classes=inputs["classes"],
    )
    return keras.Model(inputs, terms, name=f"{model.name}_trainer")


class _WindowTerms(LossTerms):
    def __init__(self, **kwargs):
        super().__init__(("classes", "boxes"), **kwargs)

    def call(self, logits, edges, windows, boxes, classes):
        losses = window_losses(logits, edges, windows, boxes, classes)
        return self.added([losses["classes"], losses["boxes"]])
