"""Tree-LSTM: an LSTM whose every step reads the states of its children."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists, known_size
from tfrecvis.layers.initial_values import forget_bias, one_by_one
from tfrecvis.ops.backend import concrete_value
from tfrecvis.ops.checks import check_choice, check_flag, check_given, check_integer
from tfrecvis.ops.graph_checks import check_tree
from tfrecvis.ops.levels import gather_nodes, schedule, visit
from tfrecvis.ops.shape_checks import check_integer_dtype, check_mask, check_shapes
from tfrecvis.ops.stencil import project

VARIANTS = ("child_sum", "n_ary")


@keras.saving.register_keras_serializable("tfrecvis")
class TreeLSTM(TakesLists, keras.layers.Layer):
    """LSTM from the leaves of a tree to its root.

    With h_k, c_k the states of the children of node j (zero where there are none):

        i = sigmoid(W_i . x_j + U_i(h) + b_i)
        f_k = sigmoid(W_f . x_j + U_f,k(h) + b_f)    for each child k
        g = tanh(W_g . x_j + U_g(h) + b_g)
        o = sigmoid(W_o . x_j + U_o(h) + b_o)
        c_j = i * g + sum_k(f_k * c_k)
        h_j = o * tanh(c_j)

    Child-Sum (`variant="child_sum"`): `U_i(h) = U_i . sum_k(h_k)`, g and o alike, and
    `U_f,k(h) = U_f . h_k`; any number of children, in any order. `recurrent_kernel` is
    `(units, 4 * units)`.

    N-ary (`variant="n_ary"`): each child position l has its own matrices, and every
    forget gate reads all children: `U_i(h) = sum_l(U_i,l . h_l)`, g and o alike, and
    `U_f,k(h) = sum_l(U_f,k,l . h_l)`. `recurrent_kernel` is `(N * units, (3 + N) *
    units)`, the children one below the other, the gates i, f_1, ..., f_N, g, o.

    `kernel` W and `bias` b pack the gates in the order i, f, g, o, as
    `keras.layers.LSTM` does; the forget bias starts at one. A tree without branches is
    a `keras.layers.LSTM` of the same weights.

    Nodes of the same height are computed together, those of all trees of a batch too,
    32 of a tree in one step. The cell state is float32 under every precision policy.

    Padded nodes output zeros, whatever they hold. Called eagerly, the layer refuses
    what `tfrecvis.ops.check_tree` refuses, forests and cycles among it. While a graph
    is traced (`model.fit`, exports) values cannot be checked: call that function on
    your data. There, of a forest the highest tree counts as the root, children that are
    padding or out of range are dropped, and a cycle and all above it stay zero.

    Reference: Tai et al., 2015, eq. 2-14 (https://arxiv.org/abs/1503.00075).

    Args:
        units: Integer, units of the hidden and cell state.
        variant: `"child_sum"` or `"n_ary"`.
        max_children: Integer N, the most children of a node; only for `"n_ary"`.
        return_nodes: Whether to return the hidden states of all nodes; of the root
            otherwise.
        return_state: Whether to return h and c of the root too.

    Call arguments:
        features: Float tensor `(batch, nodes, features)`, one tree each.
        children: Integer tensor `(batch, nodes, children)`, those of each node, padded
            with -1. With `"n_ary"`, the position says which matrices a child has.
        mask: Boolean tensor `(batch, nodes)`, True for a real node, or None.
        features_mask: The mask that `features` carry from the layer before them. Keras
            passes it; where both are given, `mask` is used.

    Input shape: `(batch, nodes, features)`; nodes may be None.
    Output shape: `(batch, nodes, units)`, or `(batch, units)` without `return_nodes`;
        with `return_state` a list of it, h and c.

    Raises:
        ValueError: An argument or a shape does not fit, or the children make no tree
            (see `tfrecvis.ops.check_tree`).

    Example:

    Node 2 is the root of nodes 0 and 1.

    >>> x = keras.ops.ones((1, 3, 5))
    >>> children = keras.ops.convert_to_tensor([[[-1, -1], [-1, -1], [0, 1]]])
    >>> TreeLSTM(8, return_nodes=False)(x, children=children).shape
    TensorShape([1, 8])
    """

    def __init__(
        self,
        units,
        variant="child_sum",
        max_children=None,
        return_nodes=True,
        return_state=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_integer("units", units)
        check_choice("variant", variant, VARIANTS)
        if variant == "n_ary":
            check_integer("max_children", max_children)
        elif max_children is not None:
            raise ValueError(
                "Only `variant='n_ary'` has matrices for a number of children. "
                f"Received: variant={variant!r}, max_children={max_children!r}. Leave "
                "`max_children` out."
            )
        check_flag("return_nodes", return_nodes)
        check_flag("return_state", return_state)
        self.units = units
        self.variant = variant
        self.max_children = max_children
        self.return_nodes = return_nodes
        self.return_state = return_state
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, features_shape):
        features = known_size("features", features_shape)
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: features})
        self.kernel = self.add_weight(
            (features, 4 * self.units),
            one_by_one("glorot_uniform"),
            name="kernel",
        )
        read, forget_gates = self.max_children or 1, self.max_children or 1
        self.recurrent_kernel = self.add_weight(
            (read * self.units, (3 + forget_gates) * self.units),
            one_by_one("orthogonal"),
            name="recurrent_kernel",
        )
        self.bias = self.add_weight((4 * self.units,), forget_bias, name="bias")

    def call(self, features, children, mask=None, features_mask=None):
        mask = features_mask if mask is None else mask
        self._check_shapes(features, children, mask)
        lists, real = concrete_value(children), concrete_value(mask)
        if lists is not None and (mask is None or real is not None):
            check_tree(lists, real, self.max_children)
        x = features
        if mask is not None:
            mask = ops.cast(mask, "bool")
            x = ops.where(mask[..., None], x, ops.zeros_like(x))
        if self.variant == "n_ary":
            missing = self.max_children - children.shape[-1]
            children = ops.pad(
                children, [[0, 0], [0, 0], [0, missing]], constant_values=-1
            )
        tree = schedule(children, ops.ones_like(children, "bool"), mask)
        z = project(x, self.kernel) + self.bias
        zeros = ops.zeros((*ops.shape(z)[:2], self.units), "float32")
        step = _child_sum if self.variant == "child_sum" else _n_ary
        kernel = ops.cast(self.recurrent_kernel, z.dtype)
        new = visit(step, (kernel,), (z,), (zeros, zeros), tree)
        h, c = (ops.cast(state, z.dtype) for state in new)
        # The root is visited last. Without any node visited, the first one is zero too.
        root = ops.argmax(tree.order, -1)
        root_h, root_c = gather_nodes(h, root), gather_nodes(c, root)
        y = h if self.return_nodes else root_h
        return [y, root_h, root_c] if self.return_state else y

    def _check_shapes(self, features, children, mask):
        check_given("children", children, "Use `layer(features, children=children)`.")
        inputs = {"features": ("batch nodes features", features)}
        check_mask(mask, "node", "trees", **inputs)
        check_shapes(**inputs, children=("batch nodes children", children))
        check_integer_dtype("children", children)
        if self.variant == "n_ary" and (
            children.shape[-1] is None or children.shape[-1] > self.max_children
        ):
            raise ValueError(
                f"A node has at most {self.max_children} children, and the size of "
                "that axis must be known. Received: children.shape="
                f"{tuple(children.shape)}, max_children={self.max_children}. Raise "
                "`max_children`."
            )

    def compute_mask(self, features, mask=None):
        passed = mask if self.return_nodes else None
        return [passed, None, None] if self.return_state else passed

    def compute_output_shape(self, features_shape):
        batch, nodes, _ = features_shape
        root = (batch, self.units)
        y = (batch, nodes, self.units) if self.return_nodes else root
        return [y, root, root] if self.return_state else y

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "variant": self.variant,
            "max_children": self.max_children,
            "return_nodes": self.return_nodes,
            "return_state": self.return_state,
        }


def _child_sum(parameters, own, read):
    """New h and c of some nodes from those of their children, `(rows, K, units)`."""
    (kernel,), (z,) = parameters, own
    h, c = read
    h = ops.cast(h, z.dtype)
    u_i, u_f, u_g, u_o = ops.split(kernel, 4, -1)
    summed = ops.matmul(ops.sum(h, 1), ops.concatenate([u_i, u_g, u_o], -1))
    z_i, z_f, z_g, z_o = ops.split(z, 4, -1)
    i, g, o = ops.split(ops.concatenate([z_i, z_g, z_o], -1) + summed, 3, -1)
    f = z_f[:, None] + project(h, u_f)
    return _remember(i, f, g, o, c)


def _n_ary(parameters, own, read):
    (kernel,), (z,) = parameters, own
    h, c = read
    rows, children, units = ops.shape(h)
    h = ops.cast(ops.reshape(h, (rows, children * units)), z.dtype)
    z_i, z_f, z_g, z_o = ops.split(z, 4, -1)
    recurrent = ops.split(ops.matmul(h, kernel), 3 + children, -1)
    f = z_f[:, None] + ops.stack(recurrent[1:-2], 1)
    return _remember(z_i + recurrent[0], f, z_g + recurrent[-2], z_o + recurrent[-1], c)


def _remember(i, f, g, o, c):
    i, f, g, o = (ops.cast(gate, "float32") for gate in (i, f, g, o))
    c = ops.sigmoid(i) * ops.tanh(g) + ops.sum(ops.sigmoid(f) * c, 1)
    return ops.sigmoid(o) * ops.tanh(c), c
