"""Show, Attend and Tell: an LSTM that looks at the image anew before each word."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.layers.caption_decoder import CaptionDecoder
from tfrecvis.layers.contextual_lstm import ContextualLSTMCell
from tfrecvis.layers.soft_attention import SoftAttention
from tfrecvis.ops.attention_losses import doubly_stochastic_penalty
from tfrecvis.ops.checks import check_integer, check_number
from tfrecvis.ops.words import PADDING


@keras.saving.register_keras_serializable("tfrecvis")
class ShowAttendTellDecoder(CaptionDecoder):
    """LSTM that looks at the image anew before each word, by soft attention.

    With annotations a, one vector for each place of a map, and `SoftAttention`:

        h[-1] = tanh(first_h(mean(a))),  c[-1] = tanh(first_c(mean(a)))
        z[t], alpha[t] = attention(a, h[t - 1])
        x[t] = embeddings[word t - 1, or start]
        h[t], c[t] = LSTM(x[t], z[t], h[t - 1], c[t - 1])
        q[t] = tanh(x[t] + output_h . h[t] + output_z . z[t] + b)
        logits[t] = word_kernel . q[t] + word_bias

    In training it adds to the loss of its model, for the N words of the batch,

        penalty / N * sum over captions of sum_i (1 - sum_t alpha[t, i])^2

    over the real steps t, that of the end token included: each place is to be looked
    at once. Called with captions, it gives the logits of each of their words from the
    words before; `begin`, `step` and `attention` work with an explicit state. Padding
    and the start token have a logit of -10,000 and are never said.

    Reference: Xu et al., 2015, equations 1 to 7 and 14
    (https://arxiv.org/abs/1502.03044); the tanh of the output is in the authors' code.
    Differs from the paper: the sum over the captions of a batch is divided by the
    number of their words, as `tfrecvis.losses.CaptionCrossEntropy` is; a start token
    in place of a vector of zeros.

    Args:
        words: List of strings, the vocabulary; see `WordEmbedding`.
        units: Positive integer, units of the LSTM.
        embedding_size: Positive integer, size of the vectors of words.
        dropout: Share of the vectors of words, of the LSTM's outputs and of the last
            layer's inputs that is dropped in training, in [0, 1).
        attention_units: Positive integer, hidden units of the attention network.
        penalty: Number, the weight of the term above.
        sampling: Highest share of the words read in training that the decoder draws
            itself, in [0, 1); see `tfrecvis.layers.caption_decoder.CaptionDecoder`.
        sampling_steps: Integer, steps of training over which it grows from 0 to that.

    Call arguments:
        features: Float tensor `(batch, rows, columns, channels)`.
        tokens: Integer tensor `(batch, captions, steps)`: words, the end token, then 0.
            The start token is not among them.
        training: Whether to drop, and to add the penalty.

    Input shape: `(batch, rows, columns, channels)`; rows and columns may be None.
    Output shape: `(batch, captions, steps, vocabulary)`, logits, float32.

    Raises:
        ValueError: `words` is no vocabulary, an argument is out of range, `tokens` are
            missing or no integers, or the shapes do not fit.

    Example:

    >>> words = ["", "[UNK]", "[start]", "[end]", "a", "dog"]
    >>> decoder = ShowAttendTellDecoder(words, units=8, embedding_size=4)
    >>> features = ops.ones((2, 5, 6, 3))
    >>> tokens = ops.convert_to_tensor([[[4, 5, 3]]] * 2)
    >>> tuple(decoder(features, tokens=tokens).shape)
    (2, 1, 3, 6)
    >>> state, context = decoder.begin(features)
    >>> tuple(decoder.attention(tokens[:, 0], state, context).shape)
    (2, 3, 5, 6)
    """

    features_spec = "batch rows columns channels"
    attention_layer = SoftAttention

    def __init__(
        self,
        words,
        units=256,
        embedding_size=256,
        dropout=0.0,
        attention_units=256,
        penalty=1.0,
        **kwargs,
    ):
        super().__init__(words, units, embedding_size, dropout, **kwargs)
        check_integer("attention_units", attention_units)
        check_number("penalty", penalty)
        self.attention_units = attention_units
        self.penalty = penalty
        self.look = self._part("look", self.attention_layer, attention_units)
        self.first_h = self._part(
            "first_h", keras.layers.Dense, units, activation="tanh"
        )
        self.first_c = self._part(
            "first_c", keras.layers.Dense, units, activation="tanh"
        )
        self.output_h = self._part("output_h", keras.layers.Dense, embedding_size)
        self.output_z = self._part(
            "output_z", keras.layers.Dense, embedding_size, use_bias=False
        )

    def build_steps(self, features_shape):
        channels = known_size("features", features_shape)
        self.look.build((None, None, None, channels), (None, self.units))
        self.first_h.build((None, channels))
        self.first_c.build((None, channels))
        self.cell = self._part(
            "cell", ContextualLSTMCell, self.units, channels, peepholes=False
        )
        self.cell.build((None, self.embedding_size), (None, channels))
        self.output_h.build((None, self.units))
        self.output_z.build((None, channels))
        return self.embedding_size

    def begin(self, features):
        mean = ops.mean(features, (1, 2))
        keys = self.look.project(features)
        state = {"h": self.first_h(mean), "c": self.first_c(mean)}
        return state, {"annotations": features, "keys": keys}

    def advance(self, x, state, context):
        annotations, keys = context["annotations"], context["keys"]
        z, alpha = self.look(annotations, hidden=state["h"], keys=keys)
        y, (h, c) = self.cell(x, [state["h"], state["c"]], context=z)
        return (y, z, alpha), {"h": h, "c": c}

    def like(self, state, context):
        annotations = context["annotations"]
        return state["h"], ops.mean(annotations, (1, 2)), annotations[..., 0]

    def tell(self, x, seen, training=False):
        y, z, *_ = seen
        y = self.output_h(self.drop(y, training=training)) + self.output_z(z)
        return self.logits(ops.tanh(x + y), training)

    def attention(self, tokens, state, context):
        """Where each word of a sentence looked.

        Args:
            tokens: int32 `(batch, steps)`, words without the start token.
            state, context: What `begin` gave.

        Returns:
            float32 `(batch, steps, rows, columns)`; each step sums to one.
        """
        _, seen = self.follow(tokens, state, context)
        return ops.cast(seen[2], "float32")

    def add_terms(self, seen, tokens, logits):
        if self.penalty:
            missed = doubly_stochastic_penalty(seen[2], ops.not_equal(tokens, PADDING))
            self.add_loss(self.penalty * self.per_word(missed, tokens))

    def get_config(self):
        return {
            **super().get_config(),
            "attention_units": self.attention_units,
            "penalty": self.penalty,
        }
