"""MS-LSTM: every superpixel reads its neighbours of several scales, layer by layer."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.layers.neighbour_lstm import NeighbourLSTM
from tfrecvis.ops.backend import concrete_value
from tfrecvis.ops.graph_checks import check_scales, check_stacked
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.shape_checks import check_integer_dtype, check_mask, check_shapes


@keras.saving.register_keras_serializable("tfrecvis")
class SuperpixelLSTM(NeighbourLSTM):
    """Stacked LSTMs of all superpixels at once, that read neighbours at many scales.

    The nodes are the superpixels of one image. Each has a list of neighbours for each
    scale s: those that it touches, those that its region touches where the image is cut
    more coarsely, and so on; all of them are nodes. A node has a hidden state h and a
    memory m along the depth, and one pair h_s, m_s for each scale. A layer reads the
    states of the layer before it:

        hbar_s, mbar_s = mean of h_s, of m_s over the neighbours of scale s
        H = [h; hbar_1; ..; hbar_S]
        h', m' = LSTM(H, m, W)
        h'_s, m'_s = LSTM(H, mbar_s, W_s)    s = 1 .. S, the same W_s

    where LSTM, the weights, the projection before the first layer and the output are
    those of `PixelLSTM`. The means of a node without neighbours at a scale are zero.

    Padded nodes have zero states and are left out of the means, whatever they and their
    lists hold. Called eagerly, the layer refuses what `tfrecvis.ops.check_scales`
    refuses. While a graph is traced (`model.fit`, exports) values cannot be checked:
    call that function on your data. There, edges to padding are dropped, and an index
    out of range gives a meaningless result.

    Reference: Peng et al., 2016, MS-LSTM of H-LSTM (https://arxiv.org/abs/1604.01931).
    Written from a summary of the paper: what it leaves open follows Grid LSTM, as in
    `PixelLSTM`.

    Args:
        units: Integer, units of each hidden state and memory.
        depth: Integer, layers. In the paper 4 or 5 are best.
        tied: Whether all layers share their weights.

    Call arguments:
        features: Float tensor `(batch, nodes, features)`.
        neighbours: Integer tensor `(batch, nodes, scales, neighbours)`, or a list of
            one tensor `(batch, nodes, neighbours)` for each scale: the indices of the
            nodes that each node reads, padded with -1.
        mask: Boolean tensor `(batch, nodes)`, True for a real node, or None.
        features_mask: The mask that `features` carry from the layer before them. Keras
            passes it; where both are given, `mask` is used.

    Input shape: `(batch, nodes, features)`; nodes may be None.
    Output shape: `(batch, nodes, units)`.

    Raises:
        ValueError: An argument or a shape does not fit, or the lists describe no graph
            (see `tfrecvis.ops.check_scales`).

    Example:

    >>> x = keras.ops.ones((1, 3, 5))
    >>> touching = keras.ops.convert_to_tensor([[[1, -1], [0, 2], [1, -1]]])
    >>> coarse = keras.ops.convert_to_tensor([[[2], [2], [0]]])
    >>> SuperpixelLSTM(8)(x, [touching, coarse]).shape
    TensorShape([1, 3, 8])
    """

    lists_of_tensors = ("neighbours",)

    def __init__(self, units, depth=5, tied=False, **kwargs):
        super().__init__(units, depth, tied, **kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, features_shape, neighbours_shape=None):
        features = known_size("features", features_shape)
        shapes = neighbours_shape
        if not shapes:
            raise ValueError(
                "`neighbours` must have one scale or more. Received: none. Use "
                "`layer(features, [neighbours])` for one."
            )
        if any(axis is None or isinstance(axis, int) for axis in shapes):
            check_stacked(shapes)
            self.scales = known_size("neighbours", shapes, axis=2)
        else:
            self.scales = len(shapes)
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: features})
        self.add_weights(features, 1 + self.scales)

    def call(self, features, neighbours, mask=None, features_mask=None):
        mask = features_mask if mask is None else mask
        lists = self._lists(features, neighbours, mask)
        values = [concrete_value(each) for each in lists]
        real = concrete_value(mask)
        known = all(value is not None for value in values)
        if known and (mask is None or real is not None):
            check_scales(values, real)
        lists = [ops.cast(each, "int32") for each in lists]
        if mask is not None:
            mask = ops.cast(mask, "bool")[..., None]
            lists = [ops.where(mask, each, -1) for each in lists]
        present = [self._present(each, mask)[..., None] for each in lists]

        def mean_of_neighbours(x):
            means = []
            for scale, (nodes, real) in enumerate(zip(lists, present, strict=True)):
                read = gather_nodes(x[scale], nodes)  # (B, N, K, U)
                read = ops.where(real, read, ops.zeros_like(read))
                count = ops.maximum(ops.sum(ops.cast(real, x.dtype), 2), 1)
                means.append(ops.sum(read, 2) / count)
            return means

        return self.run(features, mean_of_neighbours, self.scales, mask=mask)

    def _present(self, nodes, mask):
        """Where a list names a real node."""
        present = nodes >= 0
        if mask is None:
            return present
        return ops.logical_and(present, gather_nodes(mask, nodes)[..., 0])

    def _lists(self, features, neighbours, mask):
        """The list of each scale, `(B, N, K)`."""
        inputs = {"features": ("batch nodes features", features)}
        check_mask(mask, "node", "graphs", **inputs)
        if neighbours is not None and not isinstance(neighbours, (list, tuple)):
            check_stacked(neighbours, scales=self.scales, **inputs)
            neighbours = [neighbours[:, :, s] for s in range(self.scales)]
        if neighbours is None or len(neighbours) != self.scales:
            shapes = [tuple(each.shape) for each in neighbours or ()]
            raise ValueError(
                f"`neighbours` must be a list of {self.scales} tensors (batch, nodes, "
                f"neighbours), one per scale. Received: scales of shapes {shapes}."
            )
        for scale, each in enumerate(neighbours):
            name = f"neighbours[{scale}]"
            check_shapes(**inputs, **{name: ("batch nodes neighbours", each)})
            check_integer_dtype(name, each)
        return list(neighbours)
