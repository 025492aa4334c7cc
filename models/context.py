"""Context: ReNet layers, or the convolutions that stand in for them in the twin."""

from keras import layers

from tfrecvis.layers import ReNet
from tfrecvis.models.backbones import conv_norm

CONTEXTS = ("renet", "conv")


def twin_filters(parameters, channels, units):
    """Width m of the pair of 3x3 convolutions that has a ReNet layer's parameters.

    The pair maps `channels` to m and m to `2 * units`; each has a bias.

    Args:
        parameters: Integer, parameters of the ReNet layer.
        channels: Integer, channels of its input.
        units: Integer, units of each of its sweeps.

    Returns:
        Integer m whose pair comes nearest to `parameters`.

    Example:

    >>> m = twin_filters(111_360, channels=96, units=48)
    >>> m, (9 * 96 + 1) * m + (9 * m + 1) * 96
    (64, 110752)
    """
    per_filter = 9 * channels + 1 + 9 * 2 * units
    return max(1, round((parameters - 2 * units) / per_filter))


def _twin(maps, renet, name):
    renet.build(maps.shape)
    channels = maps.shape[-1]
    width = twin_filters(renet.count_params(), channels, renet.units)
    maps = layers.Conv2D(
        width, 3, padding="same", activation="relu", name=f"{name}_conv1"
    )(maps)
    return layers.Conv2D(
        2 * renet.units, 3, padding="same", activation="relu", name=f"{name}_conv2"
    )(maps)


def add_context(maps, kind, units, cell, dropout, residual, name):
    """One layer of context over the whole map.

    With `residual`, `maps + norm(conv1x1(context(norm(maps))))`; without it, the
    context by itself, as in the ReSeg paper.

    Args:
        maps: Tensor `(batch, height, width, channels)`.
        kind: `"renet"`, or `"conv"` for two 3x3 convolutions of as many parameters.
        units: Positive integer, units of each sweep; the context has twice as many
            channels.
        cell: `"lstm"` or `"gru"`.
        dropout: Share of the context's channels that is dropped in training.
        residual: Boolean.
        name: String, prefix of the layers' names.

    Returns:
        Tensor `(batch, height, width, channels)`, or `2 * units` channels without
        `residual`.

    Example:

    >>> import keras
    >>> maps = keras.Input((8, 6, 16))
    >>> add_context(maps, "renet", 4, "lstm", 0.0, True, name="context1").shape
    (None, 8, 6, 16)
    """
    renet = ReNet(units, cell=cell, name=name)
    inputs = maps
    if residual:
        inputs = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(maps)
    context = renet(inputs) if kind == "renet" else _twin(inputs, renet, name)
    if dropout:
        context = layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(context)
    if not residual:
        return context
    context = conv_norm(context, maps.shape[-1], 1, activation=None, name=f"{name}_out")
    return layers.Add(name=f"{name}_add")([maps, context])
