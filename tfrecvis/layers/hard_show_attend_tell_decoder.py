"""Show, Attend and Tell with hard attention: one place for each word."""

import keras
from keras import ops

from tfrecvis.layers.hard_attention import HardAttention
from tfrecvis.layers.show_attend_tell_decoder import ShowAttendTellDecoder
from tfrecvis.ops import scan
from tfrecvis.ops.attention_losses import reinforce_loss
from tfrecvis.ops.checks import check_given, check_number
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.words import PADDING


@keras.saving.register_keras_serializable("tfrecvis")
class HardShowAttendTellDecoder(ShowAttendTellDecoder):
    """LSTM that looks at one place of the image before each word, by hard attention.

    The equations are those of `ShowAttendTellDecoder` with `HardAttention`, which has
    no gate, in place of `SoftAttention`. In training the places are drawn, or, for one
    half of the captions, their expectation is read; otherwise the likeliest is read.
    Training adds to the loss of its model, besides the penalty, for the N words of the
    batch, what trains alpha by REINFORCE:

        -1 / N * sum over captions of reinforce_weight * (log p(y) - b) * log p(s)
                                      + entropy_weight * H

    No gradient flows through log p(y). The baseline b is a moving mean of log p(y),
    which the layer keeps. See `tfrecvis.losses.reinforce_loss`.

    Reference: Xu et al., 2015, section 4.1 (https://arxiv.org/abs/1502.03044); the two
    weights are those of the authors' code.
    Differs from the paper: the expectation is chosen for each caption, not for the
    batch; the start token; the division by the number of words.

    Args:
        words, units, embedding_size, dropout, attention_units: As in
            `ShowAttendTellDecoder`.
        penalty: As there; 0 leaves it out.
        reinforce_weight: Number, lambda_r of the paper.
        entropy_weight: Number, lambda_e of the paper.
        seed: Integer or None, for the places that are drawn.
        sampling: Highest share of the words read in training that the decoder draws
            itself, in [0, 1); see `tfrecvis.layers.caption_decoder.CaptionDecoder`.
        sampling_steps: Integer, steps of training over which it grows from 0 to that.

    Call arguments:
        features: Float tensor `(batch, rows, columns, channels)`.
        tokens: Integer tensor `(batch, captions, steps)`: words, the end token, then 0.
            The start token is not among them.
        noise: Float tensor `(batch, captions, steps + 1)`, uniform in [0, 1), or None
            to draw it: what picks the place of each step, and last a number below 1/2
            for the expectation. Read in training only.
        training: Whether to draw, to drop, and to add the terms above.

    Input shape: `(batch, rows, columns, channels)`; rows and columns may be None.
    Output shape: `(batch, captions, steps, vocabulary)`, logits, float32.

    Raises:
        ValueError: `words` is no vocabulary, an argument is out of range, `tokens` are
            missing or no integers, or the shapes do not fit.

    Example:

    >>> words = ["", "[UNK]", "[start]", "[end]", "a", "dog"]
    >>> decoder = HardShowAttendTellDecoder(words, units=8, embedding_size=4)
    >>> tokens = ops.convert_to_tensor([[[4, 5, 3]]] * 2)
    >>> tuple(decoder(ops.ones((2, 5, 6, 3)), tokens=tokens).shape)
    (2, 1, 3, 6)
    """

    attention_layer = HardAttention

    def __init__(
        self,
        words,
        units=256,
        embedding_size=256,
        dropout=0.0,
        attention_units=256,
        penalty=0.0,
        reinforce_weight=0.1,
        entropy_weight=0.002,
        seed=None,
        **kwargs,
    ):
        super().__init__(
            words, units, embedding_size, dropout, attention_units, penalty, **kwargs
        )
        check_number("reinforce_weight", reinforce_weight)
        check_number("entropy_weight", entropy_weight)
        self.reinforce_weight = reinforce_weight
        self.entropy_weight = entropy_weight
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build_steps(self, features_shape):
        self.baseline = self.add_weight(
            (), "zeros", dtype="float32", trainable=False, name="baseline"
        )
        return super().build_steps(features_shape)

    def call(self, features, tokens=None, noise=None, training=False):
        if not training:
            return self.say(features, tokens, training)
        check_given("tokens", tokens, "Use `decoder(features, tokens=tokens)`.")
        self._check_noise(tokens, noise)
        batch, captions, steps = ops.shape(tokens)
        shape = (batch, captions, steps + 1)
        if noise is None:
            noise = keras.random.uniform(
                shape, dtype="float32", seed=self.seed_generator
            )
        noise = ops.reshape(ops.cast(noise, "float32"), (-1, steps + 1))
        return self.say(features, tokens, training, noise=noise)

    def advance(self, x, state, context, noise=None):
        z, alpha, log_probability, entropy = self.look(
            context["annotations"],
            hidden=state["h"],
            keys=context["keys"],
            noise=noise,
            training=noise is not None,
        )
        y, (h, c) = self.cell(x, [state["h"], state["c"]], context=z)
        return (y, z, alpha, log_probability, entropy), {"h": h, "c": c}

    def like(self, state, context):
        one = state["h"][:, 0]
        return (*super().like(state, context), one, one)

    def unroll(self, x, state, context, training=False, noise=None):
        if noise is None:
            return super().unroll(x, state, context, training)
        draws, choice = noise[:, :-1], ops.broadcast_to(noise[:, -1:], ops.shape(x)[:2])
        xs = (
            ops.swapaxes(x, 0, 1),
            ops.swapaxes(ops.stack([draws, choice], -1), 0, 1),
        )

        def one(carry, xs):
            before = {"h": carry[0], "c": carry[1]}
            seen, after = self.advance(xs[0], before, context, noise=xs[1])
            return (after["h"], after["c"]), seen

        carry = state["h"], state["c"]
        _, seen = scan(one, carry, xs, like=self.like(state, context))
        return tuple(ops.swapaxes(y, 0, 1) for y in seen)

    def add_terms(self, seen, tokens, logits):
        super().add_terms(seen, tokens, logits)
        real = ops.not_equal(tokens, PADDING)
        logs = ops.log_softmax(logits, -1)
        logs = ops.take_along_axis(logs, ops.cast(tokens, "int32")[..., None], -1)
        likelihood = ops.sum(ops.where(real, logs[..., 0], 0.0), -1)
        # A caption without a word is to leave the baseline as it is.
        there = ops.cast(ops.any(real, -1), "float32")
        mean = ops.sum(likelihood) / ops.maximum(ops.sum(there), 1.0)
        likelihood = ops.stop_gradient(ops.where(there > 0, likelihood, mean))
        loss, baseline = reinforce_loss(
            likelihood,
            seen[3],
            seen[4],
            self.baseline.value,
            real,
            self.reinforce_weight,
            self.entropy_weight,
        )
        # Without -log p(y) itself, which is the loss of the model.
        self.add_loss(self.per_word(loss + likelihood, tokens))
        self.baseline.assign(baseline)

    def _check_noise(self, tokens, noise):
        check_shapes(
            "Give a number per step and one more.",
            tokens=("batch captions steps", tokens),
            noise=("batch captions numbers", noise),
            numbers=None if tokens.shape[2] is None else tokens.shape[2] + 1,
        )

    def compute_output_spec(self, features, tokens=None, noise=None, training=False):
        spec = super().compute_output_spec(features, tokens, training)
        self._check_noise(tokens, noise)
        return spec

    def get_config(self):
        return {
            **super().get_config(),
            "reinforce_weight": self.reinforce_weight,
            "entropy_weight": self.entropy_weight,
            "seed": self.seed,
        }
