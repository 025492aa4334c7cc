"""LRCN: two LSTMs, the second of which sees the image at every step."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.layers.caption_decoder import CaptionDecoder
from tfrecvis.layers.contextual_lstm import ContextualLSTM


@keras.saving.register_keras_serializable("tfrecvis")
class LRCNDecoder(CaptionDecoder):
    """Two LSTMs: the first reads the words, the second its outputs and the image.

        x[t] = embeddings[word t - 1, or start]
        h1[t], c1[t] = LSTM(x[t], h1[t - 1], c1[t - 1])
        h2[t], c2[t] = LSTM(h1[t], features, h2[t - 1], c2[t - 1])
        logits[t] = word_kernel . h2[t] + word_bias

    This is the factored form of the paper: the first LSTM sees no image, the second
    sees it at every step. All states begin with zeros. Called with captions, it gives
    the logits of each of their words from the words before; `begin` and `step` are the
    same one word after the other. Padding and the start token have a logit of -10,000
    and are never said. No gate reads the cell state.

    Reference: Donahue et al., 2015, section 5, LRCN-2f
    (https://arxiv.org/abs/1411.4389).
    Differs from the paper: the features are those of a map's mean, not the scores of
    1,000 classes.

    Args:
        words: List of strings, the vocabulary; see `WordEmbedding`.
        units: Positive integer, units of each LSTM.
        embedding_size: Positive integer, size of the vectors of words.
        dropout: Share of the vectors of words and of the second LSTM's outputs that is
            dropped in training, in [0, 1).
        sampling: Highest share of the words read in training that the decoder draws
            itself, in [0, 1); see `tfrecvis.layers.caption_decoder.CaptionDecoder`.
        sampling_steps: Integer, steps of training over which it grows from 0 to that.

    Call arguments:
        features: Float tensor `(batch, channels)`.
        tokens: Integer tensor `(batch, captions, steps)`: words, the end token, then 0.
            The start token is not among them.
        training: Whether to drop.

    Input shape: `(batch, channels)`.
    Output shape: `(batch, captions, steps, vocabulary)`, logits, float32.

    Raises:
        ValueError: `words` is no vocabulary, an argument is out of range, `tokens` are
            missing or no integers, or the shapes do not fit.

    Example:

    >>> words = ["", "[UNK]", "[start]", "[end]", "a", "dog"]
    >>> decoder = LRCNDecoder(words, units=8, embedding_size=4)
    >>> tokens = ops.convert_to_tensor([[[4, 5, 3]]] * 2)
    >>> tuple(decoder(ops.ones((2, 3)), tokens=tokens).shape)
    (2, 1, 3, 6)
    """

    def build_steps(self, features_shape):
        channels = known_size("features", features_shape)
        options = {"peepholes": False, "return_sequences": True}
        self.first = self._part("first", ContextualLSTM, self.units, 0, **options)
        self.second = self._part(
            "second", ContextualLSTM, self.units, channels, **options
        )
        self.first.build((None, None, self.embedding_size))
        self.second.build((None, None, self.units), (None, channels))
        return self.units

    def begin(self, features):
        zeros = self.first.cell.get_initial_state(ops.shape(features)[0])[0]
        state = dict.fromkeys(("h1", "c1", "h2", "c2"), zeros)
        return state, {"image": features}

    def advance(self, x, state, context):
        y, (h1, c1) = self.first.cell(x, [state["h1"], state["c1"]])
        y, (h2, c2) = self.second.cell(
            y, [state["h2"], state["c2"]], context=context["image"]
        )
        return (y,), {"h1": h1, "c1": c1, "h2": h2, "c2": c2}

    def unroll(self, x, state, context, training=False):
        y = self.first(x, initial_state=[state["h1"], state["c1"]], training=training)
        y = self.second(
            y,
            context=context["image"],
            initial_state=[state["h2"], state["c2"]],
            training=training,
        )
        return (y,)
