"""From images to the features that a decoder of captions reads."""

import keras
from keras import layers

from tfrecvis.layers import PadToMultiple, ScaleImages
from tfrecvis.models.backbones import build_backbone, image_input
from tfrecvis.models.context import CONTEXTS, add_context
from tfrecvis.ops.checks import check_choice, check_integer

FILTERS, BLOCKS = (32, 64, 96, 128), (0, 1, 1, 1)


def build_encoder(
    backbone,
    weights,
    backbone_filters,
    backbone_blocks,
    context,
    context_units,
    context_layers,
    input_shape,
    pooled,
):
    """A model of images to a map of features, or to its mean over all places.

    Args:
        backbone, weights, backbone_filters, backbone_blocks: See `build_backbone`.
        context: One of `CONTEXTS`; see `add_context`.
        context_units: Positive integer, units of each sweep.
        context_layers: Integer, layers of context; 0 leaves them out.
        input_shape: `(height, width, 3)`; None for a size that varies.
        pooled: Boolean; whether the features are `(batch, channels)` and no map.

    Returns:
        A Keras model called `encoder`, of `images` in 0-255.

    Example:

    >>> encoder = build_encoder("conv", None, (8, 16), (0, 0), "renet", 4, 1,
    ...                         (None, None, 3), pooled=False)
    >>> tuple(encoder(keras.ops.zeros((1, 9, 12, 3))).shape)
    (1, 3, 3, 16)
    """
    check_choice("context", context, CONTEXTS, '"conv" is the convolutional twin.')
    check_integer("context_units", context_units)
    check_integer("context_layers", context_layers, least=0)
    features, strides, scaling = build_backbone(
        backbone, weights, backbone_filters, backbone_blocks
    )
    images = image_input(input_shape)
    maps = ScaleImages(scaling, name="scale")(images)
    maps = features(PadToMultiple(strides[-1], name="pad")(maps))
    maps = maps[-1] if isinstance(maps, (list, tuple)) else maps
    for index in range(1, context_layers + 1):
        maps = add_context(
            maps, context, context_units, "lstm", 0.0, True, name=f"context{index}"
        )
    if pooled:
        maps = layers.GlobalAveragePooling2D(name="pool")(maps)
    return keras.Model(images, maps, name="encoder")


def captioner(encoder, decoder, name):
    """The model of images and captions to logits that `fit` trains.

    Args:
        encoder: What `build_encoder` gave.
        decoder: A decoder of `tfrecvis.layers` called `decoder`.
        name: String.
    """
    tokens = keras.Input((None, None), dtype="int32", name="tokens")
    images = keras.Input(encoder.inputs[0].shape[1:], name="images")
    logits = decoder(encoder(images), tokens=tokens)
    return keras.Model({"images": images, "tokens": tokens}, logits, name=name)
