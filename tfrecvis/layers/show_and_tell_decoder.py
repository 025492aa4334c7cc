"""Show and Tell: an LSTM that sees the image once, before the start token."""

import keras

from tfrecvis.layers.arguments import known_size
from tfrecvis.layers.caption_decoder import CaptionDecoder
from tfrecvis.layers.contextual_lstm import ContextualLSTM


@keras.saving.register_keras_serializable("tfrecvis")
class ShowAndTellDecoder(CaptionDecoder):
    """LSTM that sees the image once, before the start token, and says a caption.

        h[-1], c[-1] = LSTM(image_kernel . features + image_bias, 0, 0)
        h[t], c[t] = LSTM(embeddings[y[t - 1]], h[t - 1], c[t - 1]),   y[-1] = start
        logits[t] = word_kernel . h[t] + word_bias

    Called with captions, it gives the logits of each of their words from the words
    before. `begin(features)` and `step(tokens, state, context)` are the same one word
    after the other, for the searches of `tfrecvis.ops`. Padding and the start token
    have a logit of -10,000 and are never said. No gate reads the cell state.

    Reference: Vinyals et al., 2015, equations 10 to 12
    (https://arxiv.org/abs/1411.4555).

    Args:
        words: List of strings, the vocabulary; see `WordEmbedding`.
        units: Positive integer, units of the LSTM.
        embedding_size: Positive integer, size of the vectors of words and images.
        dropout: Share of the vectors of words and of the LSTM's outputs that is
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
    >>> decoder = ShowAndTellDecoder(words, units=8, embedding_size=4)
    >>> features = keras.ops.ones((2, 3))
    >>> tokens = keras.ops.convert_to_tensor([[[4, 5, 3]]] * 2)
    >>> tuple(decoder(features, tokens=tokens).shape)
    (2, 1, 3, 6)
    >>> state, context = decoder.begin(features)
    >>> logits, state = decoder.step(keras.ops.full((2,), 2, "int32"), state, context)
    >>> tuple(logits.shape), sorted(state)
    ((2, 6), ['c', 'h'])
    """

    def __init__(self, words, units=256, embedding_size=256, dropout=0.0, **kwargs):
        super().__init__(words, units, embedding_size, dropout, **kwargs)
        self.image = self._part("image", keras.layers.Dense, embedding_size)
        self.lstm = self._part(
            "lstm", ContextualLSTM, units, 0, peepholes=False, return_sequences=True
        )

    def build_steps(self, features_shape):
        self.image.build((None, known_size("features", features_shape)))
        self.lstm.build((None, None, self.embedding_size))
        return self.units

    def begin(self, features):
        zeros = self.lstm.cell.get_initial_state(keras.ops.shape(features)[0])
        _, (h, c) = self.lstm.cell(self.image(features), zeros)
        return {"h": h, "c": c}, {}

    def advance(self, x, state, context):
        y, (h, c) = self.lstm.cell(x, [state["h"], state["c"]])
        return (y,), {"h": h, "c": c}

    def unroll(self, x, state, context, training=False):
        initial_state = [state["h"], state["c"]]
        return (self.lstm(x, initial_state=initial_state, training=training),)
