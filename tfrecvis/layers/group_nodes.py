"""From graphs of one node back to the graphs that the nodes belong to."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfrecvis")
class GroupNodes(keras.layers.Layer):
    """Puts nodes that were graphs of their own back into theirs.

    It undoes `keras.ops.reshape(features, (-1, 1, units))`, which lets a graph layer
    treat every node without its neighbours.

    Call arguments:
        nodes: Tensor `(batch * nodes, 1, units)`.
        like: Tensor `(batch, nodes, anything)`, the graphs.

    Input shape: `(batch * nodes, 1, units)`; batch and nodes may be None.
    Output shape: `(batch, nodes, units)`.

    Raises:
        ValueError: `nodes` is not of rank 3.

    Example:

    >>> nodes = keras.ops.reshape(keras.ops.arange(6.0), (6, 1, 1))
    >>> graphs = GroupNodes()(nodes, keras.ops.zeros((2, 3, 4)))
    >>> keras.ops.convert_to_numpy(graphs[..., 0]).tolist()
    [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, nodes, like):
        batch, count = ops.shape(like)[:2]
        return ops.reshape(nodes, (batch, count, nodes.shape[-1]))

    def compute_output_shape(self, nodes_shape, like_shape):
        return (*like_shape[:2], nodes_shape[-1])
