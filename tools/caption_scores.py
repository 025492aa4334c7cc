"""Scores of captions against reference sentences, by pycocoevalcap."""

import shutil

from tfrecvis.data.vocabulary import TOKENIZER, split_words
from tfrecvis.optional import optional_import
from tfrecvis.tools.errors import UserError


def caption_scores(pairs, meteor=False):
    """BLEU-1 to BLEU-4, ROUGE-L and CIDEr of a corpus, and METEOR where asked for.

    All are computed by pycocoevalcap, of words that `tfrecvis.data.Vocabulary` makes of
    sentences and references: its own tokenizer is a Java program, which keeps some
    punctuation apart. So scores differ a little from those of the COCO server. BLEU is
    of the whole corpus, with the brevity penalty against the reference of the closest
    length; CIDEr is CIDEr-D, the frequencies of words those of the references that are
    given; METEOR needs Java and is left out where there is none.

    References: Papineni et al., 2002 (https://aclanthology.org/P02-1040); Lin, 2004
    (https://aclanthology.org/W04-1013); Vedantam et al., 2015
    (https://arxiv.org/abs/1411.5726); Denkowski and Lavie, 2014
    (https://aclanthology.org/W14-3348).

    Args:
        pairs: List of (references, sentence): a list of strings, one or more, and a
            string.
        meteor: Boolean.

    Returns:
        Dict: "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider", perhaps "meteor",
        floats; and "tokenizer", the name of the tokenizer.

    Raises:
        ImportError: pycocoevalcap is not installed.
        UserError: there is no pair, or one has no reference with a word in it.
    """
    if not pairs:
        raise UserError("Nothing to score: there is no caption.", exit_code=1)
    truths, found = {}, {}
    for number, (references, sentence) in enumerate(pairs):
        split = [" ".join(words) for words in split_words([sentence, *references])]
        found[number], truths[number] = split[:1], [text for text in split[1:] if text]
        if not truths[number]:
            raise UserError(f"Image {number} has no reference to score its caption by.")
    what = "Scores of captions"
    library = optional_import("pycocoevalcap.bleu.bleu", extra="eval", what=what)
    bleu, _ = library.Bleu(4).compute_score(truths, found, verbose=0)
    library = optional_import("pycocoevalcap.rouge.rouge", extra="eval", what=what)
    rouge, _ = library.Rouge().compute_score(truths, found)
    library = optional_import("pycocoevalcap.cider.cider", extra="eval", what=what)
    cider, _ = library.Cider().compute_score(truths, found)
    scores = {f"bleu{length}": float(value) for length, value in enumerate(bleu, 1)}
    scores |= {"rouge_l": float(rouge), "cider": float(cider)}
    if meteor and shutil.which("java"):
        scores["meteor"] = _meteor(truths, found)
    return {**scores, "tokenizer": TOKENIZER}


def _meteor(truths, found):
    """METEOR by the Java program that pycocoevalcap brings."""
    library = optional_import(
        "pycocoevalcap.meteor.meteor", extra="eval", what="Scores of captions"
    )
    scorer = library.Meteor()
    try:
        return float(scorer.compute_score(truths, found)[0])
    except (OSError, ValueError) as error:
        raise UserError(
            f"METEOR's Java program gave no score ({error}). It needs 2 GB of memory; "
            "without `java` on the path METEOR is left out."
        ) from error
    finally:
        # It is still taken after an error, and the scorer waits for it when it ends.
        if scorer.lock.locked():
            scorer.lock.release()
