"""Graph LSTM: a recurrence over the nodes of a graph, the most confident first."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists, known_size
from tfrecvis.layers.initial_values import forget_bias, one_by_one
from tfrecvis.ops.backend import concrete_value
from tfrecvis.ops.checks import check_flag, check_integer
from tfrecvis.ops.graph_checks import check_adjacency, check_graph
from tfrecvis.ops.levels import gather_nodes, schedule, visit
from tfrecvis.ops.shape_checks import (
    check_integer_dtype,
    check_mask,
    check_shapes,
    check_states,
)
from tfrecvis.ops.stencil import project


@keras.saving.register_keras_serializable("tfrecvis")
class GraphLSTM(TakesLists, keras.layers.Layer):
    """LSTM that walks over a graph, such as the superpixels of an image.

    Nodes are updated one after the other. With q_j = 1 for a neighbour j that comes
    before node i and 0 otherwise, and means over the neighbours of i (zero over none):

        h~ = mean_j(q_j * h'_j + (1 - q_j) * h_j)
        u = sigmoid(W_u . x_i + U_u . h_i + V_u . h~ + b_u)
        f_j = sigmoid(W_f . x_i + V_f . h_j + b_f)    for each neighbour j
        f = sigmoid(W_f . x_i + U_f . h_i + b_f)
        c = tanh(W_c . x_i + U_c . h_i + V_c . h~ + b_c)
        o = sigmoid(W_o . x_i + U_o . h_i + V_o . h~ + b_o)
        m'_i = mean_j(f_j * (q_j * m'_j + (1 - q_j) * m_j)) + f * m_i + u * c
        h'_i = tanh(o * m'_i)

    `h`, `m` are the given states, `h'`, `m'` the new ones. `kernel` W,
    `recurrent_kernel` U, `neighbour_kernel` V and `bias` b pack the gates in the order
    u, f, c, o; the forget bias starts at one. A neighbour's forget gate reads its given
    state even where its new one is there. Without an initial state, h and m are zero
    and U, V_f have no influence; stacked layers pass `return_state` on.

    Nodes that do not wait for each other are updated together: the results are exact,
    and a graph takes as many steps as its longest chain of neighbours in visiting
    order (its levels; 32 nodes at most go in one step). Levels are found in the
    graph of the backend, separately for every graph of a batch. Memory is float32
    under every precision policy; confidences and orders are compared as they come.

    Padded nodes are read as absent and output zeros, whatever they and the lists that
    name them hold. Called eagerly, the layer refuses what `tfrecvis.ops.check_graph`
    refuses. While a graph is traced (`model.fit`, exports) values cannot be checked:
    call that function on your data. There, edges to padding or out of range are
    dropped.

    Reference: Liang et al., 2016 (https://arxiv.org/abs/1603.07063).

    Args:
        units: Integer, units of the hidden state and the memory.
        residual: Whether to add the features to the output; they must be `units` many.
        return_state: Whether to return the new h and m too.

    Call arguments:
        features: Float tensor `(batch, nodes, features)`.
        neighbours: Integer tensor `(batch, nodes, neighbours)`: for each node, those
            that it reads, padded with -1. An edge between two nodes is in both lists.
        adjacency: In place of `neighbours`, boolean or 0-1 tensor `(batch, nodes,
            nodes)`: row i marks the neighbours of i. Costs nodes^2 * units memory: for
            tens of nodes; give lists for hundreds.
        confidence: Float tensor `(batch, nodes)`: the highest comes first, of equals
            the lower index (superpixels are numbered from left to right).
        order: In place of `confidence`, integer tensor `(batch, nodes)`: the lowest
            comes first, of equals the lower index. With neither, nodes come in the
            order of their indices.
        initial_state: List `[h, m]` of float tensors `(batch, nodes, units)`; zeros
            otherwise.
        mask: Boolean tensor `(batch, nodes)`, True for a real node, or None.
        features_mask: The mask that `features` carry from the layer before them. Keras
            passes it; where both are given, `mask` is used.

    Input shape: `(batch, nodes, features)`; nodes may be None.
    Output shape: `(batch, nodes, units)`; with `return_state` a list of it, h and m.

    Raises:
        ValueError: An argument or a shape does not fit, both or none of `neighbours`
            and `adjacency` are given, or they describe no graph (see
            `tfrecvis.ops.check_graph`).

    Example:

    >>> x = keras.ops.ones((1, 3, 5))
    >>> chain = keras.ops.convert_to_tensor([[[1, -1], [0, 2], [1, -1]]])
    >>> confidence = keras.ops.convert_to_tensor([[0.2, 0.9, 0.4]])
    >>> GraphLSTM(8)(x, neighbours=chain, confidence=confidence).shape
    TensorShape([1, 3, 8])
    """

    def __init__(self, units, residual=False, return_state=False, **kwargs):
        # Half precision would make different confidences equal: `call` casts.
        super().__init__(autocast=False, **kwargs)
        check_integer("units", units)
        check_flag("residual", residual)
        check_flag("return_state", return_state)
        self.units = units
        self.residual = residual
        self.return_state = return_state
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, features_shape):
        features = known_size("features", features_shape)
        if self.residual and features != self.units:
            raise ValueError(
                "With `residual`, the features are added to the output and must be as "
                f"many as its units. Received: features.shape={tuple(features_shape)}, "
                f"units={self.units}. Use units={features}, or project the features."
            )
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: features})
        gates = 4 * self.units
        self.kernel = self.add_weight(
            (features, gates), one_by_one("glorot_uniform"), name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, gates), one_by_one("orthogonal"), name="recurrent_kernel"
        )
        self.neighbour_kernel = self.add_weight(
            (self.units, gates), one_by_one("orthogonal"), name="neighbour_kernel"
        )
        self.bias = self.add_weight((gates,), forget_bias, name="bias")

    def call(
        self,
        features,
        neighbours=None,
        adjacency=None,
        confidence=None,
        order=None,
        initial_state=None,
        mask=None,
        features_mask=None,
    ):
        mask = features_mask if mask is None else mask
        self._check_shapes(
            features, neighbours, adjacency, confidence, order, initial_state, mask
        )
        neighbours = self._as_lists(neighbours, adjacency)
        lists, real = concrete_value(neighbours), concrete_value(mask)
        if lists is not None and (mask is None or real is not None):
            check_graph(lists, real, concrete_value(confidence), concrete_value(order))
        x = ops.cast(features, self.compute_dtype)
        states = [ops.cast(s, "float32") for s in initial_state or ()]
        if mask is not None:
            mask = ops.cast(mask, "bool")
            x, *states = (
                ops.where(mask[..., None], t, ops.zeros_like(t)) for t in (x, *states)
            )
        graph = schedule(
            neighbours, self._comes_before(neighbours, confidence, order), mask
        )
        new = self._update(x, neighbours, states, graph)
        h, m = (ops.cast(state, self.compute_dtype) for state in new)
        y = h + x if self.residual else h
        return [y, h, m] if self.return_state else y

    def _update(self, x, neighbours, states, graph):
        """New h and m, `(B, N, units)`."""
        dtype = self.compute_dtype
        u, f, c, o = ops.split(ops.cast(self.neighbour_kernel, dtype), 4, -1)
        if states:
            h, m = states
        else:  # without influence, but with a gradient
            h = m = ops.zeros((1, 1, self.units), "float32")
        h = ops.cast(h, dtype)
        z = project(x, ops.cast(self.kernel, dtype)) + ops.cast(self.bias, dtype)
        _, forget, _, _ = ops.split(z, 4, -1)
        theirs = project(h, f)
        theirs = gather_nodes(theirs, neighbours) if states else theirs[:, :, None]
        forget = ops.sigmoid(forget[:, :, None] + theirs)  # (B, N, K or 1, U)
        z = z + project(h, ops.cast(self.recurrent_kernel, dtype))
        z_u, z_f, z_c, z_o = ops.split(z, 4, -1)
        kept = ops.sigmoid(ops.cast(z_f, "float32")) * m
        present = ops.cast(graph.present, "float32")
        share = present / ops.maximum(ops.sum(present, -1, keepdims=True), 1)
        own = (
            ops.concatenate([z_u, z_c, z_o], -1),
            forget,
            kept,
            share[..., None],
        )
        kernel = ops.concatenate([u, c, o], -1)
        initial = states or [ops.zeros_like(kept)] * 2
        return visit(_step, (kernel,), own, initial, graph)

    def _comes_before(self, neighbours, confidence, order):
        """Which neighbours are visited before their node, `(B, N, K)`."""
        index = ops.arange(ops.shape(neighbours)[1], dtype="int32")[:, None]
        lower = ops.cast(neighbours, "int32") < index
        if confidence is None and order is None:
            return lower
        rank = order if confidence is None else confidence
        if keras.backend.standardize_dtype(rank.dtype) == "bool":
            rank = ops.cast(rank, "int32")
        theirs, own = gather_nodes(rank, neighbours), rank[..., None]
        first = theirs < own if confidence is None else theirs > own
        return first | ((theirs == own) & lower)

    def _as_lists(self, neighbours, adjacency):
        if adjacency is None:
            return neighbours
        values = concrete_value(adjacency)
        if values is not None:
            check_adjacency(values)
        index = ops.arange(ops.shape(adjacency)[-1], dtype="int32")
        return ops.where(ops.cast(adjacency, "bool"), index, -1)

    def _check_shapes(
        self, features, neighbours, adjacency, confidence, order, initial_state, mask
    ):
        if (neighbours is None) == (adjacency is None):
            raise ValueError(
                "Pass one of `neighbours` and `adjacency`. Received: "
                f"{'none' if neighbours is None else 'both'}."
            )
        if confidence is not None and order is not None:
            raise ValueError(
                "Pass at most one of `confidence` and `order`. Received: both."
            )
        inputs = {"features": ("batch nodes features", features)}
        check_mask(mask, "node", "graphs", **inputs)
        check_shapes(
            **inputs,
            neighbours=("batch nodes neighbours", neighbours),
            adjacency=("batch nodes nodes", adjacency),
            confidence=("batch nodes", confidence),
            order=("batch nodes", order),
        )
        check_integer_dtype("neighbours", neighbours)
        check_integer_dtype("order", order)
        spec, sizes = "batch nodes units", {**inputs, "units": self.units}
        check_states("initial_state", initial_state, "[h, m]", spec, **sizes)

    def compute_mask(self, features, mask=None):
        return [mask, None, None] if self.return_state else mask

    def compute_output_shape(self, features_shape):
        shape = (*features_shape[:-1], self.units)
        return [shape] * 3 if self.return_state else shape

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "residual": self.residual,
            "return_state": self.return_state,
        }


def _step(parameters, own, read):
    """New states of some nodes; see the equations of `GraphLSTM`."""
    (kernel,) = parameters
    z, forget, kept, share = own
    h, m = read
    h = ops.cast(ops.sum(share * h, 1), z.dtype)
    u, c, o = ops.split(ops.cast(z + ops.matmul(h, kernel), "float32"), 3, -1)
    m = ops.sum(share * ops.cast(forget, "float32") * m, 1) + kept
    m = m + ops.sigmoid(u) * ops.tanh(c)
    return ops.tanh(ops.sigmoid(o) * m), m
