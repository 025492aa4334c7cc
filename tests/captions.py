"""Sixteen tiny images with captions of their own, and what learns them by heart."""

import keras
import numpy as np

from tfrecvis.losses import CaptionCrossEntropy
from tfrecvis.metrics import Perplexity, WordAccuracy

SPECIAL = ["", "[UNK]", "[start]", "[end]"]
COLOURS = ["red", "green", "blue", "white"]
PLACES = ["left", "right", "above", "below"]
WORDS = [*SPECIAL, "a", "dot", *COLOURS, *PLACES]
STEPS = 6
RGB = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
AREAS = [(slice(0, 12), slice(0, 6)), (slice(0, 12), slice(6, 12))]
AREAS += [(slice(0, 6), slice(0, 12)), (slice(6, 12), slice(0, 12))]


def photos():
    """Images `(16, 12, 12, 3)`, and their sentences, of three or four words."""
    images, sentences = [], []
    for colour, rgb in zip(COLOURS, RGB, strict=True):
        for place, area in zip(PLACES, AREAS, strict=True):
            image = np.zeros((12, 12, 3), "uint8")
            image[area] = rgb
            images.append(image)
            long = place in ("left", "above")
            sentences.append(f"a {colour} dot {place}" if long else f"{colour} {place}")
    return np.stack(images), sentences


def tokens_of(sentences, steps=STEPS):
    """Targets `(sentences, steps)`: words, the end token, then 0."""
    rows = [[WORDS.index(word) for word in text.split()] + [3] for text in sentences]
    return np.array([row + [0] * (steps - len(row)) for row in rows], "int32")


def said(tokens):
    return [
        " ".join(WORDS[token] for token in row if token) for row in np.array(tokens)
    ]


def learn_by_heart(model, epochs=150, rate=0.01):
    """Fits the sixteen images; returns the history."""
    images, sentences = photos()
    tokens = tokens_of(sentences)[:, None]
    model.compile(
        keras.optimizers.Adam(rate),
        CaptionCrossEntropy(),
        metrics=[Perplexity(), WordAccuracy()],
        jit_compile=False,
    )
    batch = {"images": images.astype("float32"), "tokens": tokens}
    return model.fit(batch, tokens, 16, epochs, shuffle=False, verbose=0).history
