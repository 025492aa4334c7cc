"""YOLOv2: boxes around priors in the cells of a grid, in one pass."""

import keras
from keras import layers

from tfrecvis.layers import GridBoxes, PadToMultiple, ScaleImages
from tfrecvis.models.backbones import build_backbone, conv_norm, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_choice, check_integer, check_number

RARE = -4.6  # the logit of a probability of 0.01


@with_presets
def YOLOv2(
    num_classes,
    priors,
    backbone="conv",
    weights=None,
    context="renet",
    units=48,
    num_layers=1,
    cell="lstm",
    dropout=0.0,
    passthrough=32,
    head_filters=128,
    backbone_filters=(32, 64, 96, 128),
    backbone_blocks=(0, 1, 1, 1),
    input_shape=(None, None, 3),
    name="yolo_v2",
):
    """YOLOv2: boxes around priors in the cells of a grid, in one pass.

    The backbone makes a coarse map; a finer one joins it, its 2x2 blocks as channels
    (the passthrough); layers of recurrent context sweep over both, so that each cell
    hears from every other; two convolutions give five values and the classes of each
    prior in each cell. Scaling and padding to the stride are part of the model.

    Reference: Redmon and Farhadi, 2017 (https://arxiv.org/abs/1612.08242).
    Differs from the paper: the context, and a backbone that is trained from scratch.

    Args:
        num_classes: Positive integer.
        priors: List of (width, height) in pixels, such as
            `tfrecvis.data.dimension_priors` finds.
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer. `"mdlstm_conv"` and
            `"gridlstm_conv"` are the twins of the others; see `add_context`.
        units: Positive integer, units of each sweep.
        num_layers: Integer, layers of context; 0 leaves them out.
        cell: `"lstm"` or `"gru"`.
        dropout: Share of the context's channels that is dropped in training, in [0, 1).
        passthrough: Positive integer, channels of the finer map before its blocks
            become channels.
        head_filters: Positive integer, channels of the convolution before the last.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: `(batch, height, width, 3)`, RGB, 0-255, any size.
    Output shape: `(batch, rows, columns, priors, 5 + num_classes)`; see `GridBoxes`.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = YOLOv2(3, [(10, 12), (40, 30)], backbone_filters=(8, 8, 16, 16))
    >>> tuple(model(keras.ops.zeros((1, 60, 80, 3))).shape)
    (1, 4, 5, 2, 8)
    """
    check_integer("num_classes", num_classes)
    if not isinstance(priors, (list, tuple)) or not priors:
        raise ValueError(
            "`priors` must be a list of (width, height) in pixels, one or more. "
            f"Received: priors={priors!r}. tfrecvis.data.dimension_priors finds some."
        )
    check_choice("context", context, CONTEXTS, '"conv" is the convolutional twin.')
    check_integer("units", units)
    check_integer("num_layers", num_layers, least=0)
    check_integer("passthrough", passthrough)
    check_integer("head_filters", head_filters)
    check_number("dropout", dropout, below=1)
    features, strides, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )
    images = image_input(input_shape)
    maps = ScaleImages(scaling, name="scale")(images)
    maps = PadToMultiple(strides[-1], name="pad")(maps)
    *finer, maps = features(maps)
    if finer:
        fine = conv_norm(finer[-1], passthrough, 1, name="passthrough")
        # Each 2x2 block becomes the channels of one cell of the coarse map.
        fine = layers.Conv2D(
            4 * passthrough, 2, 2, use_bias=False, name="passthrough_blocks"
        )(fine)
        maps = layers.Concatenate(name="join")([maps, fine])
        maps = conv_norm(maps, backbone_filters[-1], 1, name="mix")
    for index in range(1, num_layers + 1):
        maps = add_context(
            maps, context, units, cell, dropout, True, name=f"context{index}"
        )
    maps = conv_norm(maps, head_filters, name="head")
    raw = layers.Conv2D(
        len(priors) * (5 + num_classes),
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="raw",
    )
    maps = raw(maps)
    # Boxes begin at their priors, and one in a hundred holds an object.
    bias = [0.0, 0.0, 0.0, 0.0, RARE, *[0.0] * num_classes]
    raw.bias.assign(bias * len(priors))
    boxes = GridBoxes(priors, strides[-1], dtype="float32", name="boxes")(maps)
    return keras.Model(images, boxes, name=name)
