"""Self-critical training: its gradient is that of the expected reward; rewards rise."""

import itertools

import captions
import keras
import numpy as np
import pytest
from captioners import SMALL

from tfrecvis.models import ShowAndTell
from tfrecvis.models.captioning import CIDErD, fit_self_critical

WORDS = ["", "[UNK]", "[start]", "[end]", "a", "dog"]
STEPS = 2
RATE = 1e-4
BATCH, BATCHES = 64, 60


def reward(sentences, references=None):
    values = {"a dog": 3.0, "dog": 1.0, "a": -0.5, "dog dog": 0.7}
    return [values.get(sentence, 0.2) for sentence in sentences]


def all_sentences():
    """Every sentence as tokens with its end, and its text."""
    for length in range(STEPS + 1):
        for tokens in itertools.product((1, 4, 5), repeat=length):
            row = [*tokens, 3][: STEPS + 1] if length < STEPS else [*tokens]
            padded = row + [0] * (STEPS + 1 - len(row))
            yield padded, " ".join(WORDS[token] for token in tokens)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def test_mean_step_is_that_of_the_expected_reward():
    keras.utils.set_random_seed(3)
    model = ShowAndTell(WORDS, **{**SMALL, "dropout": 0.5, "sampling": 0.5})
    bias = model.get_layer("decoder").word_logits.bias
    bias.assign([0.0, 0.3, 0.0, -0.2, 0.5, 0.4])
    image = np.random.default_rng(0).integers(0, 256, (1, 12, 12, 3))
    rows, texts = map(list, zip(*all_sentences(), strict=True))
    tokens = np.array(rows, "int32")
    logits = model({"images": image.astype("float32"), "tokens": tokens[None]})
    logits = keras.ops.convert_to_numpy(logits)[0].astype("float64")
    logs, real = log_softmax(logits), tokens > 0
    chosen = np.take_along_axis(logs, tokens[..., None], -1)[..., 0]
    likelihoods = np.exp((chosen * real).sum(-1))
    assert likelihoods.sum() == pytest.approx(1, abs=1e-5)
    # With respect to the bias, d log p(s) = sum over steps of one_hot - softmax.
    gradients = ((np.eye(6)[tokens] - np.exp(logs)) * real[..., None]).sum(1)
    greedy, last = [], ()
    for _ in range(STEPS):  # the unknown word is not among those of the baseline
        row = next(n for n, r in enumerate(rows) if tuple(r[: len(last)]) == last)
        word = np.where(np.arange(6) == 1, -9, logits[row, len(last)]).argmax()
        if word == 3:
            break
        greedy.append(WORDS[word])
        last = (*last, word)
    baseline = reward([" ".join(greedy)])[0]
    per_sample = (np.array(reward(texts)) - baseline)[:, None] * gradients
    expected = likelihoods @ per_sample
    np.testing.assert_allclose(  # whatever the baseline
        expected,
        likelihoods @ (np.array(reward(texts))[:, None] * gradients),
        atol=1e-5,
    )
    variance = likelihoods @ (per_sample - expected) ** 2
    error = np.sqrt(variance / (BATCH * BATCHES))

    before = keras.ops.convert_to_numpy(bias)
    fixed = [keras.ops.convert_to_numpy(v) for v in model.non_trainable_variables]
    batch = np.repeat(image, BATCH, 0), [["dog"]] * BATCH
    sgd = keras.optimizers.SGD(RATE)
    means = fit_self_critical(model, [batch] * BATCHES, reward, sgd, STEPS, seed=1)
    moved = keras.ops.convert_to_numpy(bias) - before
    found = moved / (RATE * BATCHES)
    words = [1, 3, 4, 5]
    assert (np.abs(expected[words]) > 5 * error[words]).any()
    assert (np.abs(found - expected)[words] < 3 * error[words] + 2e-3).all()
    for value, variable in zip(fixed, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(value, variable)  # of batch normalisation
    assert means["greedy"] == pytest.approx(baseline)
    spread = np.sqrt(likelihoods @ (np.array(reward(texts)) ** 2) / (BATCH * BATCHES))
    assert abs(means["sampled"] - likelihoods @ reward(texts)) < 3 * spread


@pytest.mark.slow
def test_captions_that_are_drawn_get_better():
    keras.utils.set_random_seed(1)
    model = ShowAndTell(captions.WORDS, **SMALL)
    captions.learn_by_heart(model, epochs=25)
    images, sentences = captions.photos()
    references = [[text] for text in sentences]
    cider, batch = CIDErD(references), (images, references)
    optimizer = keras.optimizers.Adam(1e-3)
    first, *_, last = (
        fit_self_critical(
            model, [batch] * 80, cider.scores, optimizer, captions.STEPS, seed
        )
        for seed in range(4)
    )
    assert last["sampled"] > first["sampled"] + 0.3
    assert last["greedy"] > first["greedy"] + 0.3


def test_wrong_arguments_are_named():
    model = ShowAndTell(WORDS, **SMALL)
    images = np.zeros((2, 12, 12, 3))
    batch = images, [["dog"]] * 2
    with pytest.raises(ValueError, match="`batches` must hold an image"):
        fit_self_critical(model, [], reward, "sgd")
    with pytest.raises(ValueError, match="`max_steps` must be"):
        fit_self_critical(model, [batch], reward, "sgd", max_steps=0)
    for wrong in ([1.0], [1.0, float("nan")]):
        with pytest.raises(ValueError, match="one finite number for each of 2 images"):
            fit_self_critical(model, [batch], lambda *_, w=wrong: w, "sgd", 2)
    plain = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="`model` must be one of"):
        fit_self_critical(keras.Model(plain, plain), [batch], reward, "sgd")
