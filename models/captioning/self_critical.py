"""Self-critical training: a captioner learns from the scores of its own sentences."""

import keras
import numpy as np
from keras import ops

from tfrecvis.losses import CaptionCrossEntropy
from tfrecvis.models.captioning.answers import said, words_of
from tfrecvis.ops import greedy_search, sample_sentences
from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.words import END, PADDING, START


def fit_self_critical(model, batches, reward, optimizer, max_steps=20, seed=0):
    """Goes on training a captioner, on the scores of sentences that it draws itself.

    Of each image it draws a sentence s and takes the likeliest word at each step for
    another, g, that of `greedy_search`. What is lowered is, for each batch,

        -mean over images of (reward(s) - reward(g)) * log p(s)

    whose mean gradient is that of the expected reward. The second sentence is the
    baseline: what is better than the model's own answer becomes likelier. Dropout is
    off, batch normalisation uses its moving statistics, and no penalty is added. Hard
    attention looks at the likeliest places, so its attention learns nothing here.

    This is a second stage: begin with a model that `fit` has trained, and a learning
    rate of a tenth or less.

    Reference: Rennie et al., 2017, equations 7 to 9 (https://arxiv.org/abs/1612.00563).

    Args:
        model: What a builder of `tfrecvis.models.captioning` returned; it is changed.
        batches: Iterable of `(images, references)`: an array `(batch, height, width,
            3)`, 0-255, and a list of each image's captions, lists of strings.
        reward: Function of a list of sentences and of `references` to numbers, such as
            `CIDErD(captions).scores`.
        optimizer: Keras optimizer, or its name.
        max_steps: Positive integer, the most words of a sentence.
        seed: Integer, of the sentences that are drawn.

    Returns:
        Dict of the mean rewards over all images, `sampled` and `greedy`.

    Raises:
        ValueError: the model says no captions, there are no batches, or the rewards are
            not one finite number for each image.

    Example:

    >>> from tfrecvis.models import ShowAndTell
    >>> words = ["", "[UNK]", "[start]", "[end]", "dog"]
    >>> model = ShowAndTell(words, units=8, backbone_filters=(8, 8),
    ...                     backbone_blocks=(0, 0))
    >>> batch = np.zeros((2, 8, 8, 3)), [["dog"], ["dog"]]
    >>> def reward(sentences, references):
    ...     return [float(s in own) for s, own in zip(sentences, references)]
    >>> sorted(fit_self_critical(model, [batch], reward, "sgd", max_steps=3))
    ['greedy', 'sampled']
    """
    words = words_of(model)
    check_integer("max_steps", max_steps)
    speaker, trainer = _Speaker(model), _Trainer(model)
    trainer.compile(optimizer, CaptionCrossEntropy())
    rng = np.random.default_rng(seed)
    sums, count = np.zeros(2), 0
    for images, references in batches:
        noise = rng.random((len(images), max_steps)).astype("float32")
        answers = speaker.predict_on_batch({"images": images, "noise": noise})
        rewards = [
            _checked(reward(_sentences(answers[name], words), references), len(images))
            for name in ("sampled", "greedy")
        ]
        tokens = _with_ends(answers["sampled"], answers["lengths"])
        trainer.train_on_batch(
            {"images": images, "tokens": tokens[:, None]},
            tokens[:, None],
            _weights(rewards[0] - rewards[1], tokens)[:, None],
        )
        sums += np.sum(rewards, 1)
        count += len(images)
    if not count:
        raise ValueError("`batches` must hold an image. Received none.")
    return dict(zip(("sampled", "greedy"), (sums / count).tolist(), strict=True))


class _Speaker(keras.Model):
    """Of images and noise, the sentences that are drawn and the likeliest ones."""

    def __init__(self, model):
        super().__init__(name="self_critical")
        self.encoder = model.get_layer("encoder")
        self.decoder = model.get_layer("decoder")

    def call(self, inputs, training=False):
        decoder, noise = self.decoder, inputs["noise"]
        images = ops.cast(inputs["images"], self.encoder.inputs[0].dtype)
        state, context = decoder.begin(self.encoder(images, training=False))

        def step(tokens, state):
            return decoder.step(tokens, state, context)

        def sayable(tokens, state):
            return said(decoder, tokens, state, context)

        drawn = sample_sentences(step, state, START, END, noise)
        greedy = greedy_search(sayable, state, START, END, noise.shape[1])
        return {
            "sampled": drawn.tokens,
            "lengths": drawn.lengths,
            "greedy": greedy.tokens,
        }


class _Trainer(_Speaker):
    """Of images and tokens, the logits that `_Speaker` draws from.

    `fit` tells the layers of a functional model that they train, whatever these were
    called with; here they are called anew.
    """

    def call(self, inputs, training=False):
        images = ops.cast(inputs["images"], self.encoder.inputs[0].dtype)
        features = self.encoder(images, training=False)
        return self.decoder(features, tokens=inputs["tokens"], training=False)


def _sentences(tokens, words):
    return [" ".join(words[token] for token in row if token) for row in tokens]


def _with_ends(tokens, lengths):
    """Sentences with the end token, which those of the most words do not have."""
    tokens = np.pad(tokens, [[0, 0], [0, 1]])
    short = lengths < tokens.shape[1] - 1
    tokens[short, lengths[short]] = END
    return tokens


def _weights(advantages, tokens):
    """Of each word, so that the mean cost per word becomes the sum per image."""
    words = (tokens != PADDING).sum()
    weights = advantages * words / len(tokens)
    return np.broadcast_to(weights[:, None], tokens.shape).astype("float32")


def _checked(rewards, count):
    rewards = np.asarray(rewards, "float64")
    if rewards.shape != (count,) or not np.isfinite(rewards).all():
        raise ValueError(
            f"`reward` must give one finite number for each of {count} images. "
            f"Received: {rewards!r}."
        )
    return rewards
