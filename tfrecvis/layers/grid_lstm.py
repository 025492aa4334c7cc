"""Grid LSTM: an LSTM along every dimension of a grid, its depth included."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.ops.checks import as_integers, check_choice, check_flag, check_integer
from tfrecvis.ops.grid_lstm import PLAIN_TRANSFORMS, GridWeights, grid_lstm
from tfrecvis.ops.shape_checks import check_mask, check_shapes, check_states

TRANSFORMS = ("lstm", *PLAIN_TRANSFORMS)
OUTPUT_GATES = ("inside", "outside")


@keras.saving.register_keras_serializable("tfrecvis")
class GridLSTM(keras.layers.Layer):
    """LSTMs along all axes of a grid and along its depth, joined in every position.

    A grid of R axes and `depth` layers has N = R + 1 dimensions; the depth is the last
    one. A block stands at every position of every layer. It takes a hidden vector h_k
    and a memory m_k from the block before it in each dimension k:

        H = [h_1; ...; h_N]
        i, f, g, o = split(H . kernel_k + bias_k)
        m'_k = sigmoid(f) * m_k + sigmoid(i) * tanh(g)
        h'_k = tanh(sigmoid(o) * m'_k)

    The inputs, projected, enter the depth dimension before its first layer; the other
    dimensions start from zeros. The output is the hidden state of the depth dimension
    after the last layer. Without a grid it is a 1-LSTM (a gated feed-forward network);
    sequences make a 2-LSTM, images a 3-LSTM, videos a 4-LSTM.

    `kernel_k` packs the gates in the order i, f, g, o (in the paper: u, f, c, o). The
    blocks run as a wavefront, all of one sum of coordinates at once: T + depth - 1
    steps for T time steps, H + W + depth - 2 for an image.

    At a masked position every dimension passes its state on unchanged, and the output
    is zero, so that a padded grid gives what the grid alone gives.

    Reference: Kalchbrenner et al., 2015 (https://arxiv.org/abs/1507.01526).
    Differs from the paper: the gates have biases, 1 at first for the forget gate.

    Args:
        units: Integer, size of every hidden and memory vector.
        depth: Integer, layers.
        tied: Whether all layers share one set of weights; each has its own otherwise.
        transforms: One for each dimension, the grid's axes first and the depth last:
            `"lstm"`; or `"identity"`, `"relu"` or `"tanh"` for a dimension without
            memory, `h'_k = transform(H . kernel_k + bias_k)`. All `"lstm"` if None.
        priority: Integers, dimensions whose transform runs last and reads the new
            hidden vectors of all others; -1 is the depth.
        output_gate: `"inside"` for the paper's `tanh(o * m)`, `"outside"` for the
            standard `o * tanh(m)`.
        peepholes: Whether the gates i, f and o also read the memory, elementwise.
        reverse: Integers, axes of the grid that are run from their end to their start;
            0 is the first axis after the batch. Outputs stay beside their inputs.
        return_state: Whether to return the last state along the first axis of the grid
            too.

    Call arguments:
        inputs: Float tensor `(batch, *grid, features)`.
        mask: Boolean tensor `(batch, *grid)`, True for a real position; or None.
        initial_state: List `[h, m]`, the state along the first axis of the grid before
            its first position: `(batch, depth, units)` for sequences,
            `(batch, *grid[1:], depth, units)` in general. `[h]` if that axis has no
            memory. Zeros if None.
        inputs_mask: The mask that `inputs` carry from the layer before them. Keras
            passes it; where both are given, `mask` is used.

    Input shape: `(batch, *grid, features)`; sizes of the grid may be None.
    Output shape: `(batch, *grid, units)`; with `return_state` a list of it and of the
        state's tensors, as in `initial_state`.

    Raises:
        ValueError: an argument is not one of those listed, there is not one transform
            for each dimension, a dimension does not exist, a shape does not fit, or a
            mask leaves nothing of a grid.

    Example:

    >>> sequences, images = keras.ops.ones((2, 7, 3)), keras.ops.ones((2, 5, 7, 3))
    >>> GridLSTM(8, depth=4)(sequences).shape
    TensorShape([2, 7, 8])
    >>> GridLSTM(8, depth=2, tied=False, priority=(-1,), reverse=(0,))(images).shape
    TensorShape([2, 5, 7, 8])
    """

    def __init__(
        self,
        units,
        depth,
        tied=True,
        transforms=None,
        priority=(),
        output_gate="inside",
        peepholes=False,
        reverse=(),
        return_state=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_integer("units", units)
        check_integer("depth", depth)
        check_flag("tied", tied)
        check_flag("peepholes", peepholes)
        check_flag("return_state", return_state)
        check_choice("output_gate", output_gate, OUTPUT_GATES)
        self.units = units
        self.depth = depth
        self.tied = tied
        self.transforms = _as_transforms(transforms)
        self.priority = as_integers("priority", priority, least=None)
        self.output_gate = output_gate
        self.peepholes = peepholes
        self.reverse = as_integers("reverse", reverse, least=None)
        self.return_state = return_state
        self.supports_masking = True

    def build(self, inputs_shape, initial_state_shape=None):
        self._check_dimensions(inputs_shape)
        num_dimensions = len(inputs_shape) - 1
        features = known_size("inputs", inputs_shape)
        self.input_spec = keras.layers.InputSpec(
            ndim=len(inputs_shape), axes={-1: features}
        )
        self._transforms = self.transforms or ("lstm",) * num_dimensions
        # Into the hidden state of the depth dimension, and into its memory.
        entries = 2 if self._transforms[-1] == "lstm" else 1
        self.kernel = self.add_weight((features, entries * self.units), name="kernel")
        self.bias = self.add_weight((entries * self.units,), "zeros", name="bias")
        weights = [
            self._add_dimension(name, transform, num_dimensions * self.units)
            for name, transform in zip(
                [*(f"axis_{k}" for k in range(num_dimensions - 1)), "depth"],
                self._transforms,
                strict=True,
            )
        ]
        self.kernels, self.biases, self.peephole_weights = map(
            list, zip(*weights, strict=True)
        )

    def _add_dimension(self, name, transform, features):
        def per_layer(initializer):
            # One draw for each layer: fans are those of one matrix.
            if self.tied:
                return initializer
            single = keras.initializers.get(initializer)
            return lambda shape, dtype=None: ops.stack(
                [single.clone()(shape[1:], dtype=dtype) for _ in range(self.depth)]
            )

        layers = () if self.tied else (self.depth,)
        is_lstm = transform == "lstm"
        width = (4 if is_lstm else 1) * self.units
        kernel = self.add_weight(
            (*layers, features, width),
            per_layer("glorot_uniform"),
            name=f"{name}_kernel",
        )
        bias = self.add_weight(
            (*layers, width),
            self._forget_bias if is_lstm else "zeros",
            name=f"{name}_bias",
        )
        if not (self.peepholes and is_lstm):
            return kernel, bias, None
        peepholes = self.add_weight(
            (*layers, 3 * self.units), "zeros", name=f"{name}_peepholes"
        )
        return kernel, bias, peepholes

    def _forget_bias(self, shape, dtype=None):
        zeros = ops.zeros((*shape[:-1], self.units), dtype)
        return ops.concatenate([zeros, zeros + 1, zeros, zeros], -1)

    def call(self, inputs, mask=None, initial_state=None, inputs_mask=None):
        mask = inputs_mask if mask is None else mask
        mask = None if mask is None else ops.convert_to_tensor(mask)
        if initial_state is not None:
            initial_state = [ops.convert_to_tensor(x) for x in _as_list(initial_state)]
        self._check(inputs, mask, initial_state)
        x, real = inputs, None
        if mask is not None:
            mask = ops.cast(mask, "bool")[..., None]
            x = ops.where(mask, x, ops.zeros_like(x))
            real = self._axis_first(self._flip(mask))[..., 0]
        x = ops.matmul(self._axis_first(self._flip(x)), self.kernel) + self.bias
        h, m = ops.split(x, 2, -1) if self._transforms[-1] == "lstm" else (x, None)
        if initial_state is not None:
            initial_state = [self._flip(x, 1) for x in initial_state]
            initial_state = [self._depth_first(x) for x in initial_state]
        h, state = grid_lstm(h, m, self._weights(), self.depth, initial_state, real)
        h = self._flip(self._axis_first(h))
        if mask is not None:
            h = ops.where(mask, h, ops.zeros_like(h))
        if not self.return_state:
            return h
        state = [self._flip(self._depth_last(x), 1) for x in state]
        return [h, *(ops.cast(x, self.compute_dtype) for x in state)]

    def _weights(self):
        num_dimensions = len(self._transforms)
        return GridWeights(
            self._transforms,
            self.kernels,
            self.biases,
            self.peephole_weights if self.peepholes else None,
            tuple(k % num_dimensions for k in self.priority),
            self.output_gate,
        )

    def _flip(self, x, first=0):
        """Turn the reversed axes round; `first` is the grid axis at `x.shape[1]`."""
        axes = [1 + k - first for k in self.reverse if k >= first]
        return ops.flip(x, axes) if axes else x

    def _axis_first(self, x):
        """The first axis of the grid before the batch, or back."""
        if len(x.shape) == 2:
            return x
        return ops.transpose(x, (1, 0, *range(2, len(x.shape))))

    def _depth_first(self, x):
        last = len(x.shape) - 1
        return ops.transpose(x, (last - 1, *range(last - 1), last))

    def _depth_last(self, x):
        last = len(x.shape) - 1
        return ops.transpose(x, (*range(1, last), 0, last))

    def _check_dimensions(self, shape):
        check_shapes(inputs=("batch *grid features", shape))
        num_dimensions = len(shape) - 1
        if self.transforms and len(self.transforms) != num_dimensions:
            raise ValueError(
                "`transforms` must have one entry for each axis of the grid and one "
                f"for the depth, {num_dimensions} for inputs of rank {len(shape)}. "
                f"Received: transforms={self.transforms!r}."
            )
        named = {k % num_dimensions for k in self.priority}
        inside = all(-num_dimensions <= k < num_dimensions for k in self.priority)
        once = len(named) == len(self.priority) < num_dimensions
        if not inside or not once:
            raise ValueError(
                f"`priority` must name some of the {num_dimensions} dimensions of "
                f"inputs of rank {len(shape)}, each once and not all. Received: "
                f"priority={self.priority!r}. Use 0 to {num_dimensions - 1}; -1 is the "
                "last one, the depth."
            )
        inside = all(0 <= k < num_dimensions - 1 for k in self.reverse)
        if not inside or len(set(self.reverse)) != len(self.reverse):
            raise ValueError(
                f"`reverse` must name axes of a grid of {num_dimensions - 1} axes, for "
                f"inputs of rank {len(shape)}, each once. Received: "
                f"reverse={self.reverse!r}. Use numbers from 0."
            )
        if num_dimensions == 1 and self.return_state:
            raise ValueError(
                "There is no state to return without a grid. Received: "
                f"return_state=True, inputs.shape={tuple(shape)}."
            )

    def _check(self, inputs, mask, initial_state):
        check_mask(mask, "position", "grids", inputs=("batch *grid features", inputs))
        check_states(
            "initial_state",
            initial_state,
            "[h, m]" if self._transforms[0] == "lstm" else "[h]",
            "batch *others depth units",
            "A state is that along the first axis of the grid.",
            inputs=("batch first_axis *others features", inputs),
            depth=self.depth,
            units=self.units,
        )

    def _state_shapes(self, shape):
        if len(shape) == 2:
            return []
        transform = self.transforms[0] if self.transforms else "lstm"
        state = (shape[0], *shape[2:-1], self.depth, self.units)
        return [state] * (2 if transform == "lstm" else 1)

    def compute_mask(self, inputs, mask=None):
        if not self.return_state:
            return mask
        return [mask, *(None for _ in self._state_shapes(inputs.shape))]

    def compute_output_shape(self, inputs_shape, initial_state_shape=None):
        output = (*inputs_shape[:-1], self.units)
        if not self.return_state:
            return output
        return [output, *self._state_shapes(inputs_shape)]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "depth": self.depth,
            "tied": self.tied,
            "transforms": self.transforms,
            "priority": self.priority,
            "output_gate": self.output_gate,
            "peepholes": self.peepholes,
            "reverse": self.reverse,
            "return_state": self.return_state,
        }


def _as_transforms(transforms):
    if transforms is None:
        return None
    if not isinstance(transforms, (tuple, list)) or not (
        transforms and all(name in TRANSFORMS for name in transforms)
    ):
        raise ValueError(
            "`transforms` must hold one name for each axis of the grid and one for the "
            f"depth. Received: transforms={transforms!r}. Use names of {TRANSFORMS}."
        )
    return tuple(transforms)


def _as_list(state):
    return list(state) if isinstance(state, (list, tuple)) else [state]
