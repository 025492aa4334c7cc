"""Context: recurrent layers over a map, or the convolutions that stand in for them."""

from keras import layers

from tfrecvis.layers import MDLSTM, GridLSTM, ReNet
from tfrecvis.models.backbones import conv_norm

# Each kind of recurrent layers, and its twin.
CONTEXTS = ("renet", "conv", "mdlstm", "mdlstm_conv", "gridlstm", "gridlstm_conv")

# The axes of a map that a Grid LSTM from each corner reads backwards.
CORNERS = {
    "top_left": (),
    "top_right": (1,),
    "bottom_left": (0,),
    "bottom_right": (0, 1),
}


def twin_filters(parameters, channels, outputs):
    """Width m of the pair of 3x3 convolutions that has a context's parameters.

    The pair maps `channels` to m and m to `outputs`; each has a bias.

    Args:
        parameters: Integer, parameters of the recurrent layers.
        channels: Integer, channels of their input.
        outputs: Integer, channels of their output.

    Returns:
        Integer m whose pair comes nearest to `parameters`.

    Example:

    >>> m = twin_filters(111_360, channels=96, outputs=96)
    >>> m, (9 * 96 + 1) * m + (9 * m + 1) * 96
    (64, 110752)
    """
    per_filter = 9 * channels + 1 + 9 * outputs
    return max(1, round((parameters - outputs) / per_filter))


def _recurrent(kind, units, cell, name):
    """Layers whose outputs stand side by side, and how many channels these have."""
    if kind == "renet":
        return [ReNet(units, cell=cell, name=name)], 2 * units
    if cell != "lstm":
        raise ValueError(
            f'`cell` must be "lstm" with context="{kind}". Received: cell={cell!r}. '
            'Use context="renet" for a GRU.'
        )
    if kind == "mdlstm":
        # On a map of many pixels the memories of the plain cell could grow.
        return [MDLSTM(units, cell="stable", name=name)], 4 * units
    corners = [
        GridLSTM(units, 1, reverse=reverse, name=f"{name}_{corner}")
        for corner, reverse in CORNERS.items()
    ]
    return corners, 4 * units


def _twin(maps, recurrent, outputs, name):
    for layer in recurrent:
        layer.build(maps.shape)
    parameters = sum(layer.count_params() for layer in recurrent)
    width = twin_filters(parameters, maps.shape[-1], outputs)
    for number, filters in enumerate((width, outputs), 1):
        maps = layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=f"{name}_conv{number}"
        )(maps)
    return maps


def add_context(maps, kind, units, cell, dropout, residual, name):
    """One layer of context over the whole map.

    With `residual`, `maps + norm(conv1x1(context(norm(maps))))`; without it, the
    context by itself, as in the ReSeg paper.

    | kind | layers | channels of the context |
    | --- | --- | --- |
    | `renet` | `ReNet` | `2 * units` |
    | `mdlstm` | `MDLSTM` with its stable cell, from four corners | `4 * units` |
    | `gridlstm` | four `GridLSTM` of depth 1, each from another corner | `4 * units` |
    | `conv`, `mdlstm_conv`, `gridlstm_conv` | twins: two 3x3 convolutions | the same |

    A twin has as many parameters as its context.

    Args:
        maps: Tensor `(batch, height, width, channels)`.
        kind: One of `CONTEXTS`.
        units: Positive integer, units of each sweep or direction.
        cell: `"lstm"`; or, of ReNet and its twin, `"gru"`.
        dropout: Share of the context's channels that is dropped in training.
        residual: Boolean.
        name: String, prefix of the layers' names.

    Returns:
        Tensor `(batch, height, width, channels)`; without `residual`, of as many
        channels as the context has.

    Raises:
        ValueError: there is no such cell.

    Example:

    >>> import keras
    >>> maps = keras.Input((8, 6, 16))
    >>> add_context(maps, "renet", 4, "lstm", 0.0, True, name="context1").shape
    (None, 8, 6, 16)
    >>> add_context(maps, "mdlstm", 4, "lstm", 0.0, False, name="context2").shape
    (None, 8, 6, 16)
    """
    twin = kind.endswith("conv")
    kind = "renet" if kind == "conv" else kind.removesuffix("_conv")
    recurrent, outputs = _recurrent(kind, units, cell, name)
    inputs = maps
    if residual:
        inputs = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(maps)
    if twin:
        context = _twin(inputs, recurrent, outputs, name)
    else:
        found = [layer(inputs) for layer in recurrent]
        one = len(found) == 1
        context = found[0] if one else layers.Concatenate(name=name)(found)
    if dropout:
        context = layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(context)
    if not residual:
        return context
    context = conv_norm(context, maps.shape[-1], 1, activation=None, name=f"{name}_out")
    return layers.Add(name=f"{name}_add")([maps, context])
