"""WordEmbedding: rows of a matrix, words that go with the weights, errors."""

import keras
import numpy as np
import pytest

from tfrecvis.layers import WordEmbedding

WORDS = ["", "[UNK]", "[start]", "[end]", "a", "dog", "Füße"]


def model(words):
    tokens = keras.Input((None,), dtype="int32")
    return keras.Model(tokens, WordEmbedding(words, 3)(tokens))


def test_a_token_gives_its_row_of_the_matrix():
    layer = WordEmbedding(WORDS, 3)
    tokens = np.array([[6, 0], [4, 4]])
    found = keras.ops.convert_to_numpy(layer(tokens))
    matrix = keras.ops.convert_to_numpy(layer.embeddings)
    np.testing.assert_array_equal(found, matrix[tokens])


def test_a_keras_file_has_the_words(tmp_path):
    model(WORDS).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].words == WORDS


def test_weights_return_to_a_layer_of_the_same_words(tmp_path):
    first, second = model(WORDS), model(WORDS)
    first.save_weights(tmp_path / "model.weights.h5")
    second.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*WORDS[:4], "dog", "a", "Füße"], "Token 4 is 'a' there and 'dog' here"),
        (WORDS[:-1], "weights of 7 words for a model of 6"),
    ],
)
def test_weights_of_another_vocabulary_are_refused(words, message, tmp_path):
    model(WORDS).save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ValueError, match=message):
        model(words).load_weights(tmp_path / "model.weights.h5")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("dog", "must be a list of strings"),
        ([*WORDS, 3], "must be a list of strings"),
        (["a", "dog"], r"must begin with .*Received: \['a', 'dog'\]"),
        (WORDS[:4], "at least one word after"),
        ([*WORDS, "a", "[end]"], "Received twice: 'a', '\\[end\\]'"),
    ],
)
def test_what_is_no_vocabulary_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        WordEmbedding(words, 3)


def test_tokens_that_are_no_integers_are_refused():
    with pytest.raises(ValueError, match="`tokens` must be integers"):
        WordEmbedding(WORDS, 3)(np.zeros((1, 2), "float32"))
