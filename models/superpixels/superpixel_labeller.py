"""A class for every superpixel: Graph LSTMs over their adjacency."""

import keras
from keras import layers, ops

from tfrecvis.layers import GraphLSTM, GroupNodes
from tfrecvis.models.presets import with_presets
from tfrecvis.ops.checks import check_choice, check_integer

CONTEXTS = ("graph", "none")


@with_presets
def SuperpixelLabeller(
    num_classes,
    num_features,
    context="graph",
    units=64,
    num_layers=1,
    residual=True,
    name="superpixel_labeller",
):
    """SuperpixelLabeller: Graph LSTMs over superpixels, the most confident first.

    A linear map of the features, layers of `GraphLSTM` that walk over the graph in
    the order of confidence and hand their states on, and a linear map to the logits.

    Reference: Liang et al., 2016 (https://arxiv.org/abs/1603.07063).

    Args:
        num_classes: Integer >= 2.
        num_features: Positive integer, features of a node.
        context: `"graph"`; or `"none"`, the twin: the same layers with the same
            weights on each node by itself, without edges.
        units: Positive integer, units of each layer.
        num_layers: Positive integer, layers. The paper has 2.
        residual: Boolean; whether features pass around the layers, as in the paper.
        name: String, name of the model.

    Inputs (a list, or a dict by name):
        features: Float tensor `(batch, nodes, num_features)`.
        neighbours: Integer tensor `(batch, nodes, neighbours)`, padded with -1.
        confidence: Float tensor `(batch, nodes)`.
        mask: Boolean tensor `(batch, nodes)`, True for a real node.

    Output shape: `(batch, nodes, num_classes)`, logits. Those of padding say nothing.

    Raises:
        ValueError: an argument is out of range or unknown; the message names it.

    Example:

    >>> from tfrecvis.data import SyntheticSuperpixels
    >>> graphs = SyntheticSuperpixels(count=2, nodes=16)
    >>> model = SuperpixelLabeller(graphs.num_classes, graphs.num_features, units=8)
    >>> tuple(model(graphs.inputs).shape)
    (2, 16, 4)
    """
    _check(num_classes, num_features, context, num_layers)
    features = keras.Input((None, num_features), name="features")
    neighbours = keras.Input((None, None), dtype="int32", name="neighbours")
    confidence = keras.Input((None,), name="confidence")
    mask = keras.Input((None,), dtype="bool", name="mask")
    x = layers.Dense(units, name="project")(features)
    graph = {"neighbours": neighbours, "confidence": confidence, "mask": mask}
    if context == "none":
        # Every node as a graph of its own.
        x = ops.reshape(x, (-1, 1, units))
        alone = ops.full_like(ops.cast(x[:, :, :1], "int32"), -1)
        graph = {"neighbours": alone}
    state = None
    for index in range(1, num_layers + 1):
        layer = GraphLSTM(
            units, residual=residual, return_state=True, name=f"graph{index}"
        )
        x, *state = layer(x, **graph, initial_state=state)
    if context == "none":
        x = GroupNodes(name="group")(x, features)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model([features, neighbours, confidence, mask], logits, name=name)


def _check(num_classes, num_features, context, num_layers):
    hint = "Count the background, too."
    check_integer("num_classes", num_classes, least=2, hint=hint)
    check_choice("context", context, CONTEXTS, "'none' is the twin without edges.")
    check_integer("num_features", num_features)
    check_integer("num_layers", num_layers, hint="The paper has 2.")
