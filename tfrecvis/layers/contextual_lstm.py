"""Contextual LSTM: a topic, an image or a scene enters every gate."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists, known_size
from tfrecvis.layers.initial_values import forget_bias, one_by_one
from tfrecvis.ops import LSTMDirection, lstm
from tfrecvis.ops.checks import check_flag, check_given, check_integer
from tfrecvis.ops.shape_checks import check_mask, check_shapes, check_states
from tfrecvis.ops.stencil import project


@keras.saving.register_keras_serializable("tfrecvis")
class ContextualLSTMCell(keras.layers.Layer):
    """One step of `ContextualLSTM`, for `keras.layers.RNN` and for decoding.

    The equations are those of `ContextualLSTM`, which is faster over whole sequences
    and has the same weights. States are kept in the compute dtype, as Keras' cells do.

    `keras.layers.RNN` gives a cell one tensor per step: its last `context_size`
    features are then the context.

    Args:
        units: Integer, units of the hidden and cell state.
        context_size: Integer, features of the context; 0 for none.
        peepholes: Whether the gates see the cell state.
        shared_context: Whether all gates share one context matrix.

    Call arguments:
        inputs: Float tensor `(batch, features)`, or `(batch, features + context_size)`
            without `context`.
        states: List `[h, c]` of float tensors `(batch, units)`.
        context: Float tensor `(batch, context_size)`, or None.

    Input shape: `(batch, features)`.
    Output shape: `(batch, units)`, and the list of both new states.

    Raises:
        ValueError: An argument, a shape or a number of features does not fit.

    Example:

    >>> cell = ContextualLSTMCell(8, context_size=3)
    >>> steps = keras.ops.ones((2, 5, 4 + 3))
    >>> keras.layers.RNN(cell, return_sequences=True)(steps).shape
    TensorShape([2, 5, 8])
    """

    def __init__(
        self, units, context_size, peepholes=True, shared_context=False, **kwargs
    ):
        super().__init__(**kwargs)
        check_integer("units", units)
        check_integer("context_size", context_size, least=0)
        check_flag("peepholes", peepholes)
        check_flag("shared_context", shared_context)
        self.units = units
        self.context_size = context_size
        self.use_peepholes = peepholes
        self.shared_context = shared_context
        self.input_spec = keras.layers.InputSpec(ndim=2)
        self.state_size = [units, units]
        self.output_size = units

    def build(self, inputs_shape, context_shape=None):
        apart = self.context_size if context_shape is None else 0
        features = known_size("inputs", inputs_shape) - apart
        if features < 1:
            raise ValueError(
                "Without `context`, the last features of `inputs` are the context, and "
                "at least one must stand before them. Received: inputs.shape="
                f"{tuple(inputs_shape)}, context_size={self.context_size}. Pass "
                "`context`, or concatenate it to the inputs."
            )
        gates = 4 * self.units
        glorot = one_by_one("glorot_uniform")
        self.kernel = self.add_weight((features, gates), glorot, name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, gates), one_by_one("orthogonal"), name="recurrent_kernel"
        )
        self.bias = self.add_weight((gates,), forget_bias, name="bias")
        self.context_kernel = self.peepholes = None
        if self.context_size:
            width = self.units if self.shared_context else gates
            self.context_kernel = self.add_weight(
                (self.context_size, width), glorot, name="context_kernel"
            )
        if self.use_peepholes:
            self.peepholes = self.add_weight((3, self.units), "zeros", name="peepholes")

    def separate(self, inputs, context):
        """The features and the context, which may be the last of the inputs."""
        features, apart = self.kernel.shape[0], self.context_size
        check_shapes(
            f"These are {features} features and, without `context`, {apart} of context "
            "after them.",
            inputs=("batch *steps features", inputs),
            context=("batch *steps_of_context context_size", context),
            features=features + (apart if context is None else 0),
            context_size=apart,
        )
        if context is None and apart:
            return inputs[..., :features], inputs[..., features:]
        return inputs, context  # None where there is none

    def project_inputs(self, features):
        """What the features add to the gates i, f, g, o."""
        return project(features, self.kernel) + self.bias

    def project_context(self, context):
        """What the context adds to the gates i, f, g, o."""
        if self.context_kernel is None:
            return 0
        z = project(context, self.context_kernel)
        return ops.concatenate([z] * 4, -1) if self.shared_context else z

    def call(self, inputs, states, context=None):
        check_given("states", states, "Use `cell(inputs, [h, c])`.")
        sizes = {"inputs": ("batch features", inputs), "units": self.units}
        check_states("states", states, "[h, c]", "batch units", **sizes)
        h, c = states
        features, context = self.separate(inputs, context)
        z = self.project_inputs(features) + self.project_context(context)
        z = z + project(h, self.recurrent_kernel)
        i, f, g, o = ops.split(ops.cast(z, "float32"), 4, -1)
        c = ops.cast(c, "float32")
        p = ops.zeros((3, 1)) if self.peepholes is None else self.peepholes
        p_i, p_f, p_o = ops.unstack(ops.cast(p, "float32"), 3)
        c = ops.sigmoid(f + p_f * c) * c + ops.sigmoid(i + p_i * c) * ops.tanh(g)
        h = ops.sigmoid(o + p_o * c) * ops.tanh(c)
        h, c = (ops.cast(state, self.compute_dtype) for state in (h, c))
        return h, [h, c]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), self.compute_dtype)] * 2

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "context_size": self.context_size,
            "peepholes": self.use_peepholes,
            "shared_context": self.shared_context,
        }


@keras.saving.register_keras_serializable("tfrecvis")
class ContextualLSTM(TakesLists, keras.layers.Layer):
    """LSTM in which a context T (a topic, an image, a scene) enters every gate.

        i = sigmoid(W_i . x + U_i . h[t-1] + p_i * c[t-1] + b_i + V_i . T)
        f = sigmoid(W_f . x + U_f . h[t-1] + p_f * c[t-1] + b_f + V_f . T)
        g = tanh(W_g . x + U_g . h[t-1] + b_g + V_g . T)
        c[t] = f * c[t-1] + i * g
        o = sigmoid(W_o . x + U_o . h[t-1] + p_o * c[t] + b_o + V_o . T)
        h[t] = o * tanh(c[t])

    `kernel` W, `recurrent_kernel` U, `bias` b and `context_kernel` V pack the gates in
    the order i, f, g, o, as `keras.layers.LSTM` does; `peepholes` p holds i, f, o. The
    forget bias starts at one, peepholes at zero. The context stays the same over a
    sequence, or is given for each step. Without context and peepholes this is
    `keras.layers.LSTM`.

    `keras.layers.Bidirectional` gives a layer one tensor: without `context`, the last
    `context_size` features of every step are its context.

    Masked steps carry the states through and output zeros, so that a padded sequence
    gives what the sequence alone gives, whatever its padding holds. The cell state is
    kept in float32 under every precision policy.

    Reference: Ghosh et al., 2016 (https://arxiv.org/abs/1602.06291). The authors'
    slides print one matrix V in all gates: `shared_context=True`.

    Args:
        units: Integer, units of the hidden and cell state.
        context_size: Integer, features of the context; 0 for none.
        peepholes: Whether the gates see the cell state.
        shared_context: Whether all gates share one context matrix.
        return_sequences: Whether to return the hidden states of all steps; of the last
            one otherwise.
        return_state: Whether to return the last h and c too.
        go_backwards: Whether to run from the last step to the first; outputs are then
            in that order, as those of Keras are.

    Call arguments:
        sequences: Float tensor `(batch, steps, features)`, or `(batch, steps, features
            + context_size)` without `context`.
        context: Float tensor `(batch, context_size)` or `(batch, steps, context_size)`,
            or None.
        initial_state: List `[h, c]` of float tensors `(batch, units)`; zeros otherwise.
        mask: Boolean tensor `(batch, steps)`, True for a real step, or None.
        sequences_mask: The mask that `sequences` carry from the layer before them.
            Keras passes it; where both are given, `mask` is used.
        training: Whether the hand-written backward pass is used.

    Input shape: `(batch, steps, features)`; steps may be None.
    Output shape: `(batch, units)`, or `(batch, steps, units)` with `return_sequences`;
        with `return_state` a list of it, h and c.

    Raises:
        ValueError: An argument, a rank or a number of features does not fit, or, called
            eagerly, a mask removes every step of a sequence.

    Example:

    >>> layer = ContextualLSTM(8, context_size=3, return_sequences=True)
    >>> words, image = keras.ops.ones((2, 5, 4)), keras.ops.ones((2, 3))
    >>> layer(words, context=image).shape
    TensorShape([2, 5, 8])
    """

    def __init__(
        self,
        units,
        context_size,
        peepholes=True,
        shared_context=False,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_flag("return_sequences", return_sequences)
        check_flag("return_state", return_state)
        check_flag("go_backwards", go_backwards)
        self.cell = ContextualLSTMCell(
            units,
            context_size,
            peepholes,
            shared_context,
            dtype=self.dtype_policy,
            name="cell",
        )
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = False  # read by keras.layers.Bidirectional
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, sequences_shape, context_shape=None):
        self.cell.build(sequences_shape, context_shape)

    def call(
        self,
        sequences,
        context=None,
        initial_state=None,
        mask=None,
        sequences_mask=None,
        training=False,
    ):
        mask = sequences_mask if mask is None else mask
        self._check(sequences, context, initial_state, mask)
        x, context = self.cell.separate(sequences, context)
        if mask is not None:
            mask = ops.cast(mask, "bool")[..., None]
            x = ops.where(mask, x, ops.zeros_like(x))
        if context is not None and len(context.shape) == 2:
            context = context[:, None]
        elif context is not None and mask is not None:
            context = ops.where(mask, context, ops.zeros_like(context))
        z = self.cell.project_inputs(x) + self.cell.project_context(context)
        if initial_state is None:
            initial_state = self.cell.get_initial_state(ops.shape(z)[0])
        steps_lead = (1, 0, 2)
        direction = LSTMDirection(
            ops.transpose(z, steps_lead),
            self.cell.recurrent_kernel,
            *initial_state,
            peepholes=self.cell.peepholes,
            mask=None if mask is None else ops.transpose(mask, steps_lead),
            reverse=self.go_backwards,
        )
        y, h, c = lstm([direction], training=bool(training))[0]
        if self.return_sequences:
            y = ops.transpose(y, steps_lead)
            y = y if mask is None else y * ops.cast(mask, y.dtype)
            y = ops.flip(y, 1) if self.go_backwards else y
        else:
            y = h
        return [y, h, ops.cast(c, h.dtype)] if self.return_state else y

    def _check(self, sequences, context, initial_state, mask):
        inputs = {"sequences": ("batch steps features", sequences)}
        check_mask(mask, "step", "sequences", **inputs)
        spec = "batch context_size | batch steps context_size"
        size = self.cell.context_size
        check_shapes(**inputs, context=(spec, context), context_size=size)
        sizes = {**inputs, "units": self.cell.units}
        check_states("initial_state", initial_state, "[h, c]", "batch units", **sizes)

    def compute_mask(self, sequences, mask=None):
        passed = mask if self.return_sequences else None
        if passed is not None and self.go_backwards:
            passed = ops.flip(passed, 1)
        return [passed, None, None] if self.return_state else passed

    def compute_output_shape(self, sequences_shape, context_shape=None):
        batch, steps, _ = sequences_shape
        units = self.cell.units
        y = (batch, steps, units) if self.return_sequences else (batch, units)
        return [y, (batch, units), (batch, units)] if self.return_state else y

    def get_config(self):
        cell = self.cell
        return {
            **super().get_config(),
            "units": cell.units,
            "context_size": cell.context_size,
            "peepholes": cell.use_peepholes,
            "shared_context": cell.shared_context,
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
        }
