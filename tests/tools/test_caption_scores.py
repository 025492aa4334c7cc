"""Scores of captions against loops, known numbers and their own edges."""

import shutil

import pytest
from reference.caption_scores import bleu, cider, rouge_l

from tfrecvis.data import SyntheticCaptions
from tfrecvis.tools.caption_scores import caption_scores
from tfrecvis.tools.errors import UserError

PAIRS = [
    (
        ["A brown dog runs.", "The dog is running in the snow."],
        "a dog runs in the snow",
    ),
    (["Two men sit on a bench.", "People on a bench"], "a man on a bench, a man"),
    (["A girl in a red dress jumps"], "a girl in a blue dress jumps over a fence"),
    (["a cat"], "the cat"),
]


def words(pairs):
    def split(text):
        return text.lower().replace(".", "").replace(",", "").split()

    return [([split(r) for r in references], split(said)) for references, said in pairs]


def test_scores_match_the_loops():
    scores = caption_scores(PAIRS)
    for most in (1, 2, 3, 4):
        expected = bleu(words(PAIRS), most)
        assert scores[f"bleu{most}"] == pytest.approx(expected, rel=1e-6)
    assert scores["rouge_l"] == pytest.approx(rouge_l(words(PAIRS)), rel=1e-6)
    assert scores["cider"] == pytest.approx(cider(words(PAIRS)), rel=1e-6)


def test_scores_name_the_tokenizer():
    assert "lower-case words without punctuation" in caption_scores(PAIRS)["tokenizer"]
    assert "meteor" not in caption_scores(PAIRS)


def test_precision_is_clipped_as_in_the_paper():
    # Papineni et al., section 2.1: "the" seven times scores 2/7.
    references = ["The cat is on the mat.", "There is a cat on the mat."]
    scores = caption_scores([(references, "the the the the the the the")])
    assert scores["bleu1"] == pytest.approx(2 / 7, rel=1e-6)


def test_a_reference_scores_one_and_short_sentences_pay():
    whole = caption_scores([(["a dog runs in the snow"], "A dog runs in the snow.")])
    assert whole["bleu4"] == pytest.approx(1) and whole["rouge_l"] == pytest.approx(1)
    short = caption_scores([(["a dog runs in the snow"], "a dog runs in")])
    assert short["bleu1"] == pytest.approx(0.6065306597, rel=1e-6)  # exp(1 - 6/4)


def test_empty_and_unknown_words_count_as_wrong():
    pairs = [*PAIRS, (["a dog"], ""), (["a dog", " . "], "[UNK] [UNK]")]
    scores = caption_scores(pairs)
    assert scores["rouge_l"] == pytest.approx(4 / 6 * caption_scores(PAIRS)["rouge_l"])
    assert scores["bleu1"] < caption_scores(PAIRS)["bleu1"]


def test_nothing_to_score_is_an_error():
    with pytest.raises(UserError, match="there is no caption"):
        caption_scores([])
    with pytest.raises(UserError, match="Image 1 has no reference"):
        caption_scores([PAIRS[0], (["."], "a dog")])


@pytest.mark.skipif(shutil.which("java") is None, reason="METEOR is a Java program")
@pytest.mark.slow
def test_meteor_of_a_reference_is_one():
    pairs = [(["a dog runs in the snow", "a cat"], "a dog runs in the snow")] * 2
    assert caption_scores(pairs, meteor=True)["meteor"] == pytest.approx(1, abs=1e-6)
    worse = [(["a dog runs in the snow"], "the cat"), (["a man"], "")]
    assert 0 <= caption_scores(worse, meteor=True)["meteor"] < 0.3


def test_a_sentence_of_the_grammar_scores_high_on_the_synthetic_set():
    # What a model reaches that says all right in one form, without paraphrases.
    captions = SyntheticCaptions("val", count=300, size=48).captions
    pairs = []
    for references in captions:
        said = references[0]
        for other, meant in (("little", "small"), ("large", "big"), ("over", "above")):
            said = said.replace(other, meant)
        said = said.replace("under", "below").replace("to the ", "")
        pairs.append((references, said))
    assert caption_scores(pairs)["bleu4"] > 0.9
