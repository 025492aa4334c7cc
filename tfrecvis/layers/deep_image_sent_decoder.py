"""DeepImageSent: a plain recurrent network with the image in its first step."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.layers.caption_decoder import CaptionDecoder
from tfrecvis.layers.initial_values import one_by_one


@keras.saving.register_keras_serializable("tfrecvis")
class DeepImageSentDecoder(CaptionDecoder):
    """A plain recurrent network whose first step has the image as a further bias.

        x[t] = embeddings[word t - 1, or start]
        h[t] = relu(W . x[t] + U . h[t - 1] + b + [t = 0] * (V . features + d))
        logits[t] = word_kernel . h[t] + word_bias

    The hidden state begins with zeros. Called with captions, it gives the logits of
    each of their words from the words before; `begin` and `step` are the same one word
    after the other. Padding and the start token have a logit of -10,000 and are never
    said.

    Reference: Karpathy and Fei-Fei, 2015, section 3.2
    (https://arxiv.org/abs/1412.2306).

    Args:
        words: List of strings, the vocabulary; see `WordEmbedding`.
        units: Positive integer, units of the hidden state.
        embedding_size: Positive integer, size of the vectors of words.
        dropout: Share of the vectors of words and of the hidden states before the
            logits that is dropped in training, in [0, 1).
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
    >>> decoder = DeepImageSentDecoder(words, units=8, embedding_size=4)
    >>> tokens = ops.convert_to_tensor([[[4, 5, 3]]] * 2)
    >>> tuple(decoder(ops.ones((2, 3)), tokens=tokens).shape)
    (2, 1, 3, 6)
    """

    def build_steps(self, features_shape):
        dense = keras.layers.Dense
        self.image = self._part("image", dense, self.units)
        self.read = self._part("read", dense, self.units)
        self.recur = self._part(
            "recur",
            dense,
            self.units,
            use_bias=False,
            kernel_initializer=one_by_one("orthogonal"),
        )
        self.image.build((None, known_size("features", features_shape)))
        self.read.build((None, self.embedding_size))
        self.recur.build((None, self.units))
        return self.units

    def begin(self, features):
        image = self.image(features)
        return {"h": ops.zeros_like(image), "bias": image}, {}

    def advance(self, x, state, context):
        h = self.read(x) + self.recur(state["h"]) + state["bias"]
        h = ops.relu(h)
        return (h,), {"h": h, "bias": ops.zeros_like(h)}

    def like(self, state, context):
        return (state["h"],)
