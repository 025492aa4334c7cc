"""What decoders of captions share: a step, and the same steps over known captions."""

import keras
from keras import ops

from tfrecvis.layers.word_embedding import WordEmbedding
from tfrecvis.ops import scan
from tfrecvis.ops.checks import check_given, check_integer, check_number
from tfrecvis.ops.decoding import drawn
from tfrecvis.ops.shape_checks import check_integer_dtype, check_shapes
from tfrecvis.ops.words import PADDING, START

# The logit of what is never said. Half precision holds it.
NEVER = -1e4


class CaptionDecoder(keras.layers.Layer):
    """A decoder that says one word after the other, from the features of an image.

    Called with captions, it gives the logits of each of their words, from the words
    before (teacher forcing). Step by step, with an explicit state, it gives the same:

        state, context = decoder.begin(features)
        logits, state = decoder.step(tokens, state, context)

    State and context are dicts of tensors `(batch, ...)`; the context stays the same
    over a sentence. Padding and the start token have a logit that is never chosen.

    A decoder has `begin`; `advance`, one step of its recurrence from the vector of the
    last word, which gives a tuple of tensors and the next state; `like`, tensors of
    their shapes; and `build_steps`, which makes the weights. Where whole sequences have
    a faster way, it has `unroll` in place of `like`, and where the logits come from
    more than the first of the tensors, a `tell`.

    With `sampling` above 0 it has scheduled sampling: in training, each word that is
    read is, with the probability of the weight `sampling_rate`, one that the decoder
    draws itself after the words that it has read so far, in place of the true one. No
    gradient passes through the draw. The weight grows from 0 by `sampling /
    sampling_steps` with each step of training, up to `sampling`; with 0 steps it is
    `sampling` from the first on, until somebody sets it, such as a callback at the end
    of an epoch: `decoder.sampling_rate.assign(0.1)`.

    Reference: Bengio et al., 2015 (https://arxiv.org/abs/1506.03099); the rate is one
    minus their epsilon, which falls linearly.
    Differs from the paper: words are drawn without dropout, and by hard attention at
    the likeliest places.
    """

    features_spec = "batch channels"

    def __init__(
        self,
        words,
        units=256,
        embedding_size=256,
        dropout=0.0,
        *,
        sampling=0.0,
        sampling_steps=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_integer("units", units)
        check_integer("embedding_size", embedding_size)
        check_number("dropout", dropout, below=1, hint="For 20 percent, use 0.2.")
        check_number("sampling", sampling, below=1, hint="0 reads true words only.")
        check_integer("sampling_steps", sampling_steps, least=0)
        self.word_embedding = self._part(
            "word_embedding", WordEmbedding, words, embedding_size
        )
        self.words = self.word_embedding.words
        self.units = units
        self.embedding_size = embedding_size
        self.dropout = dropout
        self.sampling = sampling
        self.sampling_steps = sampling_steps
        self.sampling_seed = keras.random.SeedGenerator() if sampling else None
        self.drop = self._part("drop", keras.layers.Dropout, dropout)
        self.word_logits = self._part("word_logits", keras.layers.Dense, len(words))

    def _part(self, name, layer, *args, **kwargs):
        # Keras would count the names up with each model that is built in a process.
        return layer(*args, dtype=self.dtype_policy, name=name, **kwargs)

    def build(self, features_shape, tokens_shape=None):
        self._check(features_shape, tokens_shape)
        self.word_embedding.build()
        self.word_logits.build((None, self.build_steps(features_shape)))
        if self.sampling:
            first = 0.0 if self.sampling_steps else self.sampling
            self.sampling_rate = self.add_weight(
                (),
                keras.initializers.Constant(first),
                dtype="float32",
                trainable=False,
                name="sampling_rate",
            )

    def step(self, tokens, state, context):
        """The logits of the next word.

        Args:
            tokens: int32 `(batch,)`, the last words; first of all the start token.
            state, context: What `begin` gave, or the state of the step before.

        Returns:
            Logits, float32 `(batch, vocabulary)`, and the next state.
        """
        x = self.word_embedding(tokens)
        seen, state = self.advance(x, state, context)
        return self.tell(x, seen), state

    def unroll(self, x, state, context, training=False):
        """What `advance` gives at each step: tensors `(batch, steps, ...)`."""
        names = sorted(state)

        def one(carry, xs):
            before = dict(zip(names, carry, strict=True))
            seen, after = self.advance(xs[0], before, context)
            return tuple(after[name] for name in names), seen

        xs = (_steps_lead(x),)
        carry = tuple(state[name] for name in names)
        _, seen = scan(one, carry, xs, like=self.like(state, context))
        return tuple(_steps_lead(y) for y in seen)

    def tell(self, x, seen, training=False):
        """Logits, float32, from the vectors of words and what the steps gave."""
        return self.logits(seen[0], training)

    def logits(self, outputs, training=False):
        """Logits, float32, of all words that can be said."""
        logits = self.word_logits(self.drop(outputs, training=training))
        numbers = ops.arange(len(self.words), dtype="int32")
        never = ops.logical_or(numbers == PADDING, numbers == START)
        return ops.where(never, NEVER, ops.cast(logits, "float32"))

    def follow(self, tokens, state, context, training=False, **given):
        """Teacher forcing: vectors of the words before each, and what each step gave.

        Args:
            tokens: int32 `(batch, steps)`, words without the start token.
            state, context: What `begin` gave.
            given: Further arguments of `unroll`.
        """
        start = ops.full_like(tokens[:, :1], START)
        x = self.word_embedding(ops.concatenate([start, tokens[:, :-1]], 1))
        x = self.drop(x, training=training)
        return x, self.unroll(x, state, context, training, **given)

    def call(self, features, tokens=None, training=False):
        return self.say(features, tokens, training)

    def say(self, features, tokens, training, **given):
        """`call`; the further arguments are those of `unroll`."""
        check_given("tokens", tokens, "Use `decoder(features, tokens=tokens)`.")
        self._check(features, tokens)
        check_integer_dtype("tokens", tokens)
        batch, captions, steps = ops.shape(tokens)
        features = ops.cast(features, self.compute_dtype)
        state, context = (
            {name: _each(x, captions) for name, x in part.items()}
            for part in self.begin(features)
        )
        rows = ops.reshape(tokens, (-1, steps))
        read = rows
        if training and self.sampling:
            read = self._read(rows, state, context)
        x, seen = self.follow(read, state, context, training, **given)
        logits = self.tell(x, seen, training)
        if training:
            self.add_terms(seen, rows, logits)
        return ops.reshape(logits, (batch, captions, steps, len(self.words)))

    def _read(self, tokens, state, context):
        """The words to read: the true ones, some of them drawn; moves the rate."""
        shape, seed = ops.shape(tokens), self.sampling_seed
        own = keras.random.uniform(shape, dtype="float32", seed=seed)
        own = own < self.sampling_rate
        chances = keras.random.uniform(shape, dtype="float32", seed=seed)
        if self.sampling_steps:
            rate = self.sampling_rate + self.sampling / self.sampling_steps
            self.sampling_rate.assign(ops.minimum(rate, self.sampling))
        return self.mixed(tokens, state, context, own, chances)

    def mixed(self, tokens, state, context, own, chances):
        """Words with some that are drawn in their places; no gradient passes.

        Args:
            tokens: Integers `(batch, steps)`, the true words without the start token.
            state, context: What `begin` gave.
            own: Boolean `(batch, steps)`, True for a word that is to be drawn. Padding
                stays padding.
            chances: float32 `(batch, steps)`, uniform in [0, 1), what picks it.

        Returns:
            int32 `(batch, steps)`.
        """
        tokens = ops.cast(tokens, "int32")
        own = ops.logical_and(own, ops.not_equal(tokens, PADDING))
        state, context = (
            {name: ops.stop_gradient(x) for name, x in part.items()}
            for part in (state, context)
        )
        names = sorted(state)

        def one(carry, xs):
            last, *before = carry
            truth, own, chance = xs
            before = dict(zip(names, before, strict=True))
            logits, after = self.step(last, before, context)
            said = ops.where(own, drawn(logits, chance), truth)
            return (said, *(after[name] for name in names)), (said,)

        first = ops.full_like(tokens[:, 0], START)
        carry = (first, *(state[name] for name in names))
        xs = tuple(_steps_lead(x) for x in (tokens, own, chances))
        _, (said,) = scan(one, carry, xs, like=(first,))
        return _steps_lead(said)

    def add_terms(self, seen, tokens, logits):
        """Adds to the loss of the model what is more than the words' cost: nothing."""

    def per_word(self, values, tokens):
        """The sum of one value per caption over the words of the batch.

        The mean cost per word is another factor times the mean cost per caption. A
        caption without a word does not count.
        """
        words = ops.cast(ops.not_equal(tokens, PADDING), "float32")
        there = ops.max(words, -1)
        return ops.sum(values * there) / ops.maximum(ops.sum(words), 1.0)

    def _check(self, features, tokens):
        check_shapes(
            "The image is encoded once for its captions.",
            features=(self.features_spec, features),
            tokens=("batch captions steps", tokens),
        )

    def compute_output_shape(self, features_shape, tokens_shape):
        return (*tokens_shape, len(self.words))

    def compute_output_spec(self, features, tokens=None, training=False):
        check_given("tokens", tokens, "Use `decoder(features, tokens=tokens)`.")
        self._check(features, tokens)
        check_integer_dtype("tokens", tokens)
        return keras.KerasTensor((*tokens.shape, len(self.words)), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "words": self.words,
            "units": self.units,
            "embedding_size": self.embedding_size,
            "dropout": self.dropout,
            "sampling": self.sampling,
            "sampling_steps": self.sampling_steps,
        }


def _steps_lead(x):
    """Swaps the axes of the batch and of the steps."""
    return ops.swapaxes(x, 0, 1)


def _each(x, captions):
    """Repeats each image for its captions."""
    shape = ops.shape(x)
    x = ops.broadcast_to(x[:, None], (shape[0], captions, *shape[1:]))
    return ops.reshape(x, (-1, *shape[1:]))
