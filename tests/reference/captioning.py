"""Decoders of captions, word by word in NumPy.

Each gives the logits `(steps, vocabulary)` of one caption of one image, from weights by
name: `embeddings`, `word_kernel`, `word_bias`, and those of the decoder.
"""

import numpy as np
from reference.attention import soft, weights_of_locations
from reference.contextual_lstm import contextual_lstm
from reference.lstm import sigmoid

START = 2
NEVER = -1e4


def lstm_step(x, h, c, weights, context=None):
    """h and c after one step; `weights` kernel, recurrent_kernel, bias, i, f, g, o."""
    z = x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"]
    if context is not None:
        z = z + context @ weights["context_kernel"]
    i, f, g, o = np.split(z, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def words_before(tokens, weights):
    for last in [START, *tokens[:-1]]:
        yield weights["embeddings"][last]


def logits_of(output, weights):
    logits = output @ weights["word_kernel"] + weights["word_bias"]
    logits[[0, START]] = NEVER
    return logits


def show_and_tell(features, tokens, weights):
    units = weights["lstm"]["recurrent_kernel"].shape[0]
    image = features @ weights["image_kernel"] + weights["image_bias"]
    h, c = lstm_step(image, np.zeros(units), np.zeros(units), weights["lstm"])
    logits = []
    for x in words_before(tokens, weights):
        h, c = lstm_step(x, h, c, weights["lstm"])
        logits.append(logits_of(h, weights))
    return np.stack(logits)


def show_attend_tell(features, tokens, weights):
    """Logits, and alpha `(steps, places)`; `features` are `(places, channels)`."""
    mean = features.mean(0)
    h = np.tanh(mean @ weights["h_kernel"] + weights["h_bias"])
    c = np.tanh(mean @ weights["c_kernel"] + weights["c_bias"])
    logits, alphas = [], []
    for x in words_before(tokens, weights):
        z, alpha = soft(features[None], h[None], weights["attention"])
        h, c = lstm_step(x, h, c, weights["lstm"], z[0])
        y = np.concatenate([h, z[0]]) @ weights["output_kernel"]
        y = np.tanh(x + y + weights["output_bias"])
        logits.append(logits_of(y, weights))
        alphas.append(alpha[0])
    return np.stack(logits), np.stack(alphas)


def lrcn(features, tokens, weights):
    units = weights["first"]["recurrent_kernel"].shape[0]
    h1 = c1 = h2 = c2 = np.zeros(units)
    logits = []
    for x in words_before(tokens, weights):
        h1, c1 = lstm_step(x, h1, c1, weights["first"])
        h2, c2 = lstm_step(h1, h2, c2, weights["second"], features)
        logits.append(logits_of(h2, weights))
    return np.stack(logits)


def deep_image_sent(features, tokens, weights):
    h = np.zeros(weights["recurrent_kernel"].shape[0])
    logits = []
    for t, x in enumerate(words_before(tokens, weights)):
        z = x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"]
        if t == 0:
            z = z + features @ weights["image_kernel"] + weights["image_bias"]
        h = np.maximum(z, 0)
        logits.append(logits_of(h, weights))
    return np.stack(logits)


def hard_attend_tell(features, tokens, weights, places=None):
    """Logits, alpha, and log alpha of the places read: the likeliest, or those given.

    A place of None is the expectation.
    """
    mean = features.mean(0)
    h = np.tanh(mean @ weights["h_kernel"] + weights["h_bias"])
    c = np.tanh(mean @ weights["c_kernel"] + weights["c_bias"])
    logits, alphas, logs = [], [], []
    for t, x in enumerate(words_before(tokens, weights)):
        alpha = weights_of_locations(features, h, weights["attention"])
        place = alpha.argmax() if places is None else places[t]
        z = alpha @ features if place is None else features[place]
        h, c = lstm_step(x, h, c, weights["lstm"], z)
        y = np.concatenate([h, z]) @ weights["output_kernel"]
        logits.append(logits_of(np.tanh(x + y + weights["output_bias"]), weights))
        alphas.append(alpha)
        logs.append(0.0 if place is None else np.log(alpha[place]))
    return np.stack(logits), np.stack(alphas), np.array(logs)


def contextual(features, tokens, weights):
    topics = features @ weights["topic_kernel"] + weights["topic_bias"]
    topics = np.exp(topics) / np.exp(topics).sum()
    units = weights["lstm"]["recurrent_kernel"].shape[0]
    x = np.stack(list(words_before(tokens, weights)))[None]
    zeros = np.zeros((1, units))
    outputs, _, _ = contextual_lstm(x, topics[None], weights["lstm"], zeros, zeros)
    return np.stack([logits_of(output, weights) for output in outputs[0]])
