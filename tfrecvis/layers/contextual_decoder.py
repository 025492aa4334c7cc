"""A Contextual LSTM that says captions: the image's topics enter every gate."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.layers.caption_decoder import CaptionDecoder
from tfrecvis.layers.contextual_lstm import ContextualLSTM
from tfrecvis.ops.checks import check_integer


@keras.saving.register_keras_serializable("tfrecvis")
class ContextualDecoder(CaptionDecoder):
    """A Contextual LSTM that says captions: the image's topics enter every gate.

        T = softmax(topic_kernel . features + topic_bias)
        x[t] = embeddings[word t - 1, or start]
        h[t], c[t] = ContextualLSTM(x[t], T, h[t - 1], c[t - 1])
        logits[t] = word_kernel . h[t] + word_bias

    The topics have no names: what each of them means is learnt from the captions. The
    states begin with zeros, so that the image is known by its topics only. Called with
    captions, it gives the logits of each of their words from the words before; `begin`
    and `step` are the same one word after the other. Padding and the start token have a
    logit of -10,000 and are never said.

    Reference: Ghosh et al., 2016 (https://arxiv.org/abs/1602.06291).
    Differs from the paper: the topics are those of an image and are learnt along with
    the words; there they come from a classifier of texts.

    Args:
        words: List of strings, the vocabulary; see `WordEmbedding`.
        units: Positive integer, units of the LSTM.
        embedding_size: Positive integer, size of the vectors of words.
        dropout: Share of the vectors of words and of the LSTM's outputs that is
            dropped in training, in [0, 1).
        topics: Integer of at least 2.
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
    >>> decoder = ContextualDecoder(words, units=8, embedding_size=4, topics=5)
    >>> tokens = ops.convert_to_tensor([[[4, 5, 3]]] * 2)
    >>> tuple(decoder(ops.ones((2, 3)), tokens=tokens).shape)
    (2, 1, 3, 6)
    >>> _, context = decoder.begin(ops.ones((2, 3)))
    >>> round(float(ops.sum(context["topics"][0])), 4)
    1.0
    """

    def __init__(
        self, words, units=256, embedding_size=256, dropout=0.0, topics=64, **kwargs
    ):
        super().__init__(words, units, embedding_size, dropout, **kwargs)
        check_integer("topics", topics, least=2)
        self.topics = topics
        self.predict_topics = self._part(
            "predict_topics", keras.layers.Dense, topics, activation="softmax"
        )
        self.lstm = self._part(
            "lstm", ContextualLSTM, units, topics, return_sequences=True
        )

    def build_steps(self, features_shape):
        self.predict_topics.build((None, known_size("features", features_shape)))
        self.lstm.build((None, None, self.embedding_size), (None, self.topics))
        return self.units

    def begin(self, features):
        h, c = self.lstm.cell.get_initial_state(ops.shape(features)[0])
        return {"h": h, "c": c}, {"topics": self.predict_topics(features)}

    def advance(self, x, state, context):
        states = [state["h"], state["c"]]
        y, (h, c) = self.lstm.cell(x, states, context=context["topics"])
        return (y,), {"h": h, "c": c}

    def unroll(self, x, state, context, training=False):
        y = self.lstm(
            x,
            context=context["topics"],
            initial_state=[state["h"], state["c"]],
            training=training,
        )
        return (y,)

    def get_config(self):
        return {**super().get_config(), "topics": self.topics}
