"""ReSeg: a convolutional backbone, ReNet layers over its map, a decoder."""

import keras
from keras import layers

from tfrecvis.layers import CropToMatch, PadToMultiple, ScaleImages, Upsample
from tfrecvis.models.backbones import build_backbone, conv_norm, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import as_integers, check_choice, check_integer, check_number

DECODERS = ("skip", "transposed")


@with_presets
def ReSeg(
    num_classes,
    backbone="conv",
    weights=None,
    context="renet",
    units=48,
    num_layers=2,
    cell="lstm",
    residual=True,
    dropout=0.0,
    decoder="skip",
    decoder_filters=(64, 32),
    backbone_filters=(32, 64, 96),
    backbone_blocks=(0, 1, 1),
    input_shape=(None, None, 3),
    name="reseg",
):
    """ReSeg: a convolutional backbone, ReNet layers over its map, a decoder.

    The backbone makes a map of local features; ReNet layers sweep over it, down and up
    every column, then along every row, so that each position hears from every
    other; the decoder brings the map back to the size of the image. Scaling, padding to
    the stride and cropping back are part of the model.

    Reference: Visin et al., 2016 (https://arxiv.org/abs/1511.07053).
    Differs from the paper: residual paths around the ReNet layers and a decoder with
    skip connections by default, for training from scratch on few images. The paper's
    own network is `ReSeg(num_classes, "vgg16", "imagenet", units=100, residual=False,
    decoder="transposed", decoder_filters=(50, 50))`.

    Args:
        num_classes: Integer >= 2, classes without void.
        backbone: `"conv"` (small, from scratch), `"vgg16"`, `"resnet50v2"`,
            `"mobilenetv3small"` or `"mobilenetv3large"`.
        weights: Weights of the backbone: None (random), `"imagenet"` or the path of a
            weights file.
        context: `"renet"`, `"mdlstm"` or `"gridlstm"`, recurrent layers over the whole
            map; or `"conv"`, the twin of the first: two 3x3 convolutions of as many
            parameters in place of each ReNet layer, to measure what recurrence gives.
            `"mdlstm_conv"` and `"gridlstm_conv"` are the twins of the others; see
            `add_context`.
        units: Positive integer, units of each sweep.
        num_layers: Integer, ReNet layers; 0 leaves only backbone and decoder.
        cell: `"lstm"` or `"gru"`.
        residual: Boolean; whether the map passes around the ReNet layers.
        dropout: Share of the context's channels that is dropped in training, in [0, 1).
        decoder: `"skip"` (bilinear steps that take in the backbone's finer maps) or
            `"transposed"` (transposed convolutions, as in the paper).
        decoder_filters: Tuple of integers, channels of each doubling of the
            resolution; what is left to the size of the image is bilinear.
        backbone_filters: Tuple of integers, channels of each stage of the backbone
            `"conv"`; each stage halves the resolution.
        backbone_blocks: Tuple of integers, residual blocks in each of these stages.
        input_shape: `(height, width, 3)`; None for a size that varies.
        name: String, name of the model.

    Input shape: `(batch, height, width, 3)`, RGB, 0-255, integers or floats, any size.
    Output shape: `(batch, height, width, num_classes)`, logits.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> model = ReSeg(11, backbone_filters=(8, 16), backbone_blocks=(0, 1))
    >>> tuple(model(keras.ops.zeros((1, 37, 50, 3))).shape)
    (1, 37, 50, 11)
    """
    _check(num_classes, context, units, num_layers, cell, dropout)
    _check_decoder(decoder, decoder_filters)
    features, strides, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )

    images = image_input(input_shape)
    maps = ScaleImages(scaling, name="scale")(images)
    maps = PadToMultiple(strides[-1], name="pad")(maps)
    *skips, maps = features(maps)

    for index in range(1, num_layers + 1):
        maps = add_context(
            maps, context, units, cell, dropout, residual, name=f"context{index}"
        )

    stride = strides[-1]
    for index, filters in enumerate(decoder_filters, 1):
        if stride == 1:
            break
        stride //= 2
        skip = skips.pop() if stride in strides else None
        if decoder == "transposed":
            maps = layers.Conv2DTranspose(
                filters, 2, 2, activation="relu", name=f"decoder{index}"
            )(maps)
        else:
            maps = _decode(maps, skip, filters, name=f"decoder{index}")
    logits = layers.Conv2D(num_classes, 1, dtype="float32", name="classes")(maps)
    while stride > 1:
        stride //= 2
        logits = Upsample(dtype="float32", name=f"upsample{stride}")(logits)
    logits = CropToMatch(dtype="float32", name="logits")(logits, images)
    return keras.Model(images, logits, name=name)


def _decode(maps, skip, filters, name):
    maps = conv_norm(maps, filters, 1, activation=None, name=f"{name}_in")
    maps = Upsample(name=f"{name}_up")(maps)
    if skip is not None:
        skip = conv_norm(skip, filters, 1, activation=None, name=f"{name}_skip")
        maps = layers.Add(name=f"{name}_add")([maps, skip])
    maps = layers.Activation("relu", name=f"{name}_relu")(maps)
    return conv_norm(maps, filters, name=f"{name}_mix")


def _check(num_classes, context, units, num_layers, cell, dropout):
    hint = "Void is no class. For one object before a background, use 2."
    check_integer("num_classes", num_classes, least=2, hint=hint)
    check_choice("context", context, CONTEXTS, "'conv' is the convolutional twin.")
    check_integer("units", units, hint="They are those of each sweep; the paper's 100.")
    check_integer("num_layers", num_layers, least=0, hint="The paper uses 2.")
    check_choice("cell", cell, ("lstm", "gru"))
    check_number("dropout", dropout, below=1, hint="For 20 percent, use 0.2.")


def _check_decoder(decoder, decoder_filters):
    check_choice("decoder", decoder, DECODERS, "The paper's is 'transposed'.")
    hint = "One per doubling of the resolution, for instance (64, 32)."
    as_integers("decoder_filters", decoder_filters, hint=hint)
