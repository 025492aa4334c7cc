import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.data import Vocabulary
from tfrecvis.data.vocabulary import split_words
from tfrecvis.ops.words import SPECIAL_WORDS

WORDS = [*SPECIAL_WORDS, "a", "dog", "éte"]


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(WORDS)


def test_words_the_end_and_padding_follow_one_another(vocabulary):
    tokens = vocabulary.tokens(["A dog .", "a cat", "", " .,! "], max_steps=3)
    assert tokens.dtype == tf.int32
    expected = [[4, 5, 3, 0], [4, 1, 3, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(tokens, expected)


def test_sentence_of_max_steps_words_ends_and_a_longer_one_is_cut(vocabulary):
    tokens = vocabulary.tokens(["a dog a", "a dog a dog"], max_steps=3)
    np.testing.assert_array_equal(tokens, [[4, 5, 4, 3], [4, 5, 4, 0]])


def test_special_words_cannot_be_written_in_a_sentence(vocabulary):
    tokens = vocabulary.tokens(["[start] [end] [UNK]"], max_steps=3)
    np.testing.assert_array_equal(tokens, [[1, 1, 1, 3]])


def test_tokens_of_any_shape_are_made_inside_a_data_set(vocabulary):
    captions = [["a dog", ""], ["dog", "a a a"]]
    dataset = tf.data.Dataset.from_tensor_slices(captions).batch(2)
    dataset = dataset.map(lambda sentences: vocabulary.tokens(sentences, 2))
    assert dataset.element_spec.shape == (None, 2, 3)
    expected = [[[4, 5, 3], [0, 0, 0]], [[5, 3, 0], [4, 4, 0]]]
    np.testing.assert_array_equal(next(iter(dataset)), expected)
    np.testing.assert_array_equal(vocabulary.tokens("a", 2), [4, 3, 0])


def test_sentences_come_back_up_to_their_end(vocabulary):
    texts = ["a dog", "", "a dog a"]
    assert vocabulary.sentences(vocabulary.tokens(texts, 3)) == texts
    assert vocabulary.sentences([[2, 4, 1, 3, 5]]) == ["a [UNK]"]


def test_rule_of_splitting_is_that_of_keras():
    texts = [
        'A t-shirt\'s (red) "dog", ÉTÉ\tnaïve  x_y\n',
        "",
        "日本 語。",
        "a\u00a0b c",
    ]
    words = split_words(texts)
    assert words[0] == ["a", "tshirts", "red", "dog", "ÉtÉ", "naïve", "xy"]
    known = sorted({word for found in words for word in found})
    layer = keras.layers.TextVectorization(vocabulary=known)
    numbers = layer(tf.constant(texts)).numpy()
    lookup = ["", None, *known]
    found = [[lookup[number] for number in row if number] for row in numbers]
    assert found == words


def test_vocabulary_counts_words_and_sorts_them():
    texts = ["b a.", "A b c", "a d", "e"]
    assert Vocabulary.of(texts, least_count=1).words[4:] == ["a", "b", "c", "d", "e"]
    assert Vocabulary.of(texts, least_count=2).words[4:] == ["a", "b"]
    assert Vocabulary.of(texts, least_count=1, most=3).words[4:] == ["a", "b", "c"]
    assert len(Vocabulary.of(iter(texts), least_count=2)) == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "dog"], "must begin with"),
        (list(SPECIAL_WORDS), "at least one word after"),
        ([*WORDS, "dog"], "every word once. Received twice: 'dog'"),
        ([*WORDS, "Dog", "x y"], "as sentences are split.*'Dog', 'x y'"),
    ],
)
def test_lists_that_no_sentence_fits_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(words)


def test_bad_arguments_are_named(vocabulary):
    with pytest.raises(ValueError, match="No word of the 1 sentences occurs 5 times"):
        Vocabulary.of(["a dog"])
    with pytest.raises(ValueError, match="`most` must be an integer of at least 1"):
        Vocabulary.of(["a dog"], least_count=1, most=0)
    with pytest.raises(ValueError, match="`max_steps`"):
        vocabulary.tokens(["a"], 0)
    with pytest.raises(ValueError, match="0 to 6.*Received: 4 to 7"):
        vocabulary.sentences([[4, 7]])
    with pytest.raises(ValueError, match=r"shape \(sentences, steps\)"):
        vocabulary.sentences([4, 5])


def test_a_language_without_spaces_is_one_word_per_sentence_until_it_is_split():
    whole = Vocabulary.of(["犬が走る", "犬が眠る。"], least_count=1)
    assert whole.words[4:] == ["犬が眠る。", "犬が走る"]  # its full stop is not ASCII
    split = Vocabulary.of(["犬 が 走る", "犬 が 眠る"], least_count=1)
    assert split.words[4:] == ["が", "犬", "眠る", "走る"]
    tokens = split.tokens(["犬 が 眠る", "犬が眠る"], max_steps=4).numpy()
    assert split.sentences(tokens) == ["犬 が 眠る", "[UNK]"]
