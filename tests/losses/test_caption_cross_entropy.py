"""CaptionCrossEntropy: the loop over words, padding, tokens outside of the words."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.losses import CaptionCrossEntropy


def case():
    rng = np.random.default_rng(0)
    tokens = np.array([[[5, 4, 3, 0], [2, 3, 0, 0]], [[4, 4, 1, 3], [0, 0, 0, 0]]])
    return tokens, rng.normal(size=(2, 2, 4, 6), scale=3).astype("float32")


def loop(tokens, logits):
    total = count = 0
    for place in np.ndindex(tokens.shape):
        if tokens[place]:
            row = logits[place].astype("float64")
            total += math.log(np.exp(row).sum()) - row[tokens[place]]
            count += 1
    return total / count


def test_loss_matches_the_loop_over_words():
    tokens, logits = case()
    found = float(CaptionCrossEntropy()(tokens, logits))
    assert found == pytest.approx(loop(tokens, logits), rel=1e-5)


def test_padding_does_not_change_the_loss_and_has_no_gradient():
    tokens, logits = case()
    before = float(CaptionCrossEntropy()(tokens, logits))
    logits[tokens == 0] = 1e6
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = CaptionCrossEntropy()(tokens, logits)
    assert float(loss) == pytest.approx(before, rel=1e-6)
    moved = tape.gradient(loss, logits).numpy().any(-1)
    np.testing.assert_array_equal(moved, tokens != 0)


def test_captions_without_a_word_give_zero():
    assert float(CaptionCrossEntropy()(np.zeros((1, 2, 3)), np.ones((1, 2, 3, 6)))) == 0


def test_half_precision_is_summed_in_float32():
    tokens, logits = case()
    half = keras.ops.cast(logits, "bfloat16")
    loss = CaptionCrossEntropy()(tokens, half)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    rounded = keras.ops.convert_to_numpy(keras.ops.cast(half, "float32"))
    assert float(loss) == pytest.approx(loop(tokens, rounded), rel=1e-5)


@pytest.mark.parametrize("bad", [6, -1])
def test_a_token_outside_of_the_vocabulary_is_named(bad):
    tokens, logits = case()
    tokens[0, 0, 0] = bad
    with pytest.raises(ValueError, match=f"Tokens must be 0..5.*Received: {bad}"):
        CaptionCrossEntropy()(tokens, logits)
    compiled = tf.function(CaptionCrossEntropy(), jit_compile=True)
    assert math.isnan(float(compiled(tf.constant(tokens), logits)))
    assert not math.isnan(float(compiled(tf.constant(case()[0]), logits)))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="labels"):
        CaptionCrossEntropy()(np.zeros((2, 3)), np.zeros((2, 4, 6)))
