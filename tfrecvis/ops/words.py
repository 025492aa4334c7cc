"""The first four tokens of every vocabulary, and what a vocabulary must be."""

PADDING, UNKNOWN, START, END = range(4)
SPECIAL_WORDS = ("", "[UNK]", "[start]", "[end]")


def check_words(words):
    """Refuse what is no list of words that begins with the four special ones.

    Args:
        words: List of strings; the index of a word is its token.

    Raises:
        ValueError: The list is too short, holds a word twice, or does not begin with
            `"", "[UNK]", "[start]", "[end]"`.

    Example:

    >>> check_words(["", "[UNK]", "[start]", "[end]", "dog", "dog"])
    Traceback (most recent call last):
    ValueError: `words` must hold every word once. Received twice: 'dog'.
    """
    is_list = isinstance(words, (list, tuple))
    if not is_list or not all(isinstance(word, str) for word in words):
        raise ValueError(
            "`words` must be a list of strings, the vocabulary. Received: "
            f"{type(words).__name__}."
        )
    if tuple(words[:4]) != SPECIAL_WORDS:
        raise ValueError(
            "`words` must begin with padding, the unknown word, start and end: "
            f"{list(SPECIAL_WORDS)}. Received: {list(words[:4])}. Use the `words` of a "
            "`tfrecvis.data.Vocabulary`."
        )
    if len(words) < 5:
        raise ValueError(
            "`words` must hold at least one word after the four special ones. "
            f"Received: {list(words)}."
        )
    seen = set()
    twice = [word for word in words if word in seen or seen.add(word)]
    if twice:
        raise ValueError(
            "`words` must hold every word once. Received twice: "
            f"{', '.join(map(repr, twice[:5]))}."
        )
