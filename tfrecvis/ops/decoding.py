"""Sentences from a step that tells the next token: greedy, by beams, and sampled.

All three run one bounded loop that stops when every sentence has ended, in eager mode,
under XLA and JAX, and in LiteRT and ONNX files. A step is a function

    logits, state = step(tokens, state)

of the last tokens, int32 `(n,)`, and of a state, any nest of tensors `(n, ...)`; its
logits, `(n, vocabulary)`, are of the next token. Token 0 is padding: a step should give
it, and the start token, a logit so low that they are never chosen.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from tfrecvis.ops.checks import check_integer, check_number
from tfrecvis.ops.likeliest import likeliest

_NEVER = -1e9  # a log-probability that no sentence has


class Sentences(NamedTuple):
    """What a search found.

    Fields:
        tokens: int32 `(batch, max_steps)`, the words without the end token, then 0; of
            `beam_search` `(batch, num_results, max_steps)`, the best first.
        scores: float32 `(batch,)`, or `(batch, num_results)`: the sum of the natural
            logarithms of the probabilities of all words and, where it was reached, of
            the end token; of `beam_search` divided by the length's penalty.
        lengths: int32, shaped as the scores: the number of words.

    Example:

    >>> Sentences._fields
    ('tokens', 'scores', 'lengths')
    """

    tokens: Any
    scores: Any
    lengths: Any


def greedy_search(step, state, start, end, max_steps):
    """The likeliest token at each step.

        y[t] = argmax_v logits(y[t - 1], state)[v],    y[-1] = start

    Of tokens that are equally likely the one with the lower number is taken.

    Args:
        step: Function of tokens and state; see `tfrecvis.ops.decoding`.
        state: Nest of tensors `(batch, ...)`, the state before the first word.
        start: Integer, the token that the first step is given.
        end: Positive integer, the token that ends a sentence.
        max_steps: Positive integer, the most words.

    Returns:
        `Sentences`.

    Raises:
        ValueError: an argument is out of range.

    Example: a chain 1 -> 2 -> 3 -> 4, where 4 is the end.

    >>> def step(tokens, state):
    ...     return 9.0 * ops.one_hot(tokens + 1, 5), state
    >>> greedy_search(step, ops.zeros((1, 1)), 1, 4, max_steps=5).tokens.numpy()
    array([[2, 3, 0, 0, 0]], dtype=int32)
    """
    _check(start, end, max_steps)

    def choose(logits, number):
        return likeliest(logits)

    return _one_by_one(step, state, start, end, max_steps, choose)


def sample_sentences(step, state, start, end, noise, temperature=1.0, top_k=None):
    """A token drawn at each step.

        P(y[t] = v) ~ exp(logits[v] / temperature),  of the top_k likeliest tokens only

    The noise is an argument, so that a call is a pure function of what it is given; a
    temperature near 0 draws what `greedy_search` takes.

    Args:
        step, state, start, end: As in `greedy_search`.
        noise: float32 `(batch, max_steps)`, uniform in [0, 1).
        temperature: Positive float.
        top_k: Positive integer, or None for all tokens. Of equally likely ones the
            lower numbers are among them.

    Returns:
        `Sentences`; its scores are those of the model, at temperature 1 and with all
        tokens.

    Raises:
        ValueError: an argument is out of range, or `top_k` above the vocabulary.

    Example:

    >>> def step(tokens, state):
    ...     return 9.0 * ops.one_hot(tokens + 1, 5), state
    >>> noise = ops.full((1, 5), 0.5)
    >>> sample_sentences(step, ops.zeros((1, 1)), 1, 4, noise).lengths.numpy()
    array([2], dtype=int32)
    """
    max_steps = noise.shape[1]
    _check(start, end, max_steps)
    check_number("temperature", temperature, positive=True)
    if top_k is not None:
        check_integer("top_k", top_k)

    def choose(logits, number):
        chance = ops.take(noise, number, axis=1)
        if top_k is None:
            return drawn(logits / temperature, chance)
        _check_width("top_k", top_k, logits)
        values, tokens = ops.top_k(logits, top_k)
        place = drawn(values / temperature, chance)
        here = ops.arange(top_k, dtype="int32") == place[:, None]
        return ops.sum(ops.where(here, ops.cast(tokens, "int32"), 0), -1)

    return _one_by_one(step, state, start, end, max_steps, choose)


def beam_search(
    step,
    state,
    start,
    end,
    max_steps,
    beam_width=5,
    length_power=0.0,
    num_results=1,
):
    """The best sentences among `beam_width` that grow side by side.

    At each step every sentence of the beam is continued by every token, and the best
    `beam_width` of these are kept, by

        score = log P(words, end) / ((5 + words) / 6) ** length_power

    A sentence that has ended stays as it is and competes with the others. Equal scores
    go to the sentence that was better before, then to the lower token. After
    `max_steps` words a sentence is taken as it is, without an end.

    Reference: Wu et al., 2016, equation 14 (https://arxiv.org/abs/1609.08144), for the
    penalty. A width of 1 with a power of 0 is `greedy_search`.

    Args:
        step, state, start, end, max_steps: As in `greedy_search`; the step is given
            `batch * beam_width` tokens and states.
        beam_width: Positive integer, at most the size of the vocabulary.
        length_power: Float, 0 for the plain sum of logarithms, which prefers short
            sentences.
        num_results: Positive integer, at most `beam_width`.

    Returns:
        `Sentences`.

    Raises:
        ValueError: an argument is out of range.

    Example:

    >>> def step(tokens, state):
    ...     return 9.0 * ops.one_hot(tokens + 1, 5), state
    >>> beam_search(step, ops.zeros((1, 1)), 1, 4, 5, beam_width=2).tokens.numpy()
    array([[[2, 3, 0, 0, 0]]], dtype=int32)
    """
    _check(start, end, max_steps)
    check_integer("beam_width", beam_width)
    check_integer("num_results", num_results)
    check_number("length_power", length_power)
    if num_results > beam_width:
        raise ValueError(
            "`num_results` must be at most `beam_width`. "
            f"Received: num_results={num_results}, beam_width={beam_width}."
        )
    batch = ops.shape(keras.tree.flatten(state)[0])[0]
    state = keras.tree.map_structure(lambda x: ops.repeat(x, beam_width, axis=0), state)

    def penalty(lengths):
        return ((5.0 + ops.cast(lengths, "float32")) / 6.0) ** length_power

    def body(number, last, history, scores, lengths, ended, state):
        logits, state = step(ops.reshape(last, (-1,)), state)
        _check_tokens(start, end, logits)
        _check_width("beam_width", beam_width, logits)
        size = logits.shape[-1]
        logits = ops.reshape(ops.cast(logits, "float32"), (-1, beam_width, size))
        is_end = ops.arange(size, dtype="int32") == end
        # What has ended goes on with its end, at no cost.
        stays = ops.where(is_end, 0.0, _NEVER)
        logs = ops.where(ended[..., None], stays, ops.log_softmax(logits, -1))
        longer = ops.logical_and(ops.logical_not(ended)[..., None], ~is_end)
        longer = lengths[..., None] + ops.cast(longer, "int32")
        totals = ops.maximum(scores[..., None] + logs, _NEVER)

        ranks = ops.reshape(totals / penalty(longer), (-1, beam_width * size))
        _, chosen = ops.top_k(ranks, beam_width)
        chosen = ops.cast(chosen, "int32")
        beams, tokens = chosen // size, chosen % size
        first = ops.arange(ops.shape(chosen)[0], dtype="int32")[:, None]
        candidates = first * (beam_width * size) + chosen
        parents = first * beam_width + beams

        def of_candidate(values):
            return ops.take(ops.reshape(values, (-1,)), candidates, axis=0)

        def of_parent(values):
            rows = ops.reshape(values, (-1, *values.shape[2:]))
            return ops.take(rows, parents, axis=0)

        ended = ops.logical_or(of_parent(ended), tokens == end)
        words = ops.where(ended, 0, tokens)
        here = ops.arange(max_steps, dtype="int32") == number
        history = ops.where(here, words[..., None], of_parent(history))
        flat = ops.reshape(parents, (-1,))
        state = keras.tree.map_structure(lambda x: ops.take(x, flat, axis=0), state)
        scores, lengths = of_candidate(totals), of_candidate(longer)
        return number + 1, tokens, history, scores, lengths, ended, state

    shape = (batch, beam_width)
    # All beams are the same sentence at first: only one of them counts.
    only_first = ops.where(ops.arange(beam_width) == 0, 0.0, _NEVER)
    carry = (
        ops.zeros((), "int32"),
        ops.full(shape, start, "int32"),
        ops.zeros((*shape, max_steps), "int32"),
        ops.broadcast_to(only_first, shape),
        ops.zeros(shape, "int32"),
        ops.zeros(shape, "bool"),
        state,
    )
    _, _, tokens, scores, lengths, _, _ = _until_all_ended(body, carry, max_steps)
    scores = scores / penalty(lengths)
    return Sentences(
        tokens[:, :num_results], scores[:, :num_results], lengths[:, :num_results]
    )


def _one_by_one(step, state, start, end, max_steps, choose):
    """One sentence per batch entry; `choose` takes the logits and the step's number."""

    def body(number, last, history, scores, lengths, ended, state):
        logits, state = step(last, state)
        _check_tokens(start, end, logits)
        logits = ops.cast(logits, "float32")
        tokens = choose(logits, number)
        here = ops.arange(logits.shape[-1], dtype="int32") == tokens[:, None]
        logs = ops.sum(ops.where(here, ops.log_softmax(logits, -1), 0.0), -1)
        scores = scores + ops.where(ended, 0.0, logs)
        ended = ops.logical_or(ended, tokens == end)
        words = ops.where(ended, 0, tokens)
        place = ops.arange(max_steps, dtype="int32") == number
        history = ops.where(place, words[:, None], history)
        lengths = lengths + ops.cast(ops.logical_not(ended), "int32")
        return number + 1, tokens, history, scores, lengths, ended, state

    batch = ops.shape(keras.tree.flatten(state)[0])[0]
    carry = (
        ops.zeros((), "int32"),
        ops.full((batch,), start, "int32"),
        ops.zeros((batch, max_steps), "int32"),
        ops.zeros((batch,), "float32"),
        ops.zeros((batch,), "int32"),
        ops.zeros((batch,), "bool"),
        state,
    )
    _, _, tokens, scores, lengths, _, _ = _until_all_ended(body, carry, max_steps)
    return Sentences(tokens, scores, lengths)


def _until_all_ended(body, carry, max_steps):
    """Runs `body` on the carry, whose last but one entry says what has ended."""

    def goes_on(number, *rest):
        ended = rest[-2]
        return ops.logical_and(number < max_steps, ops.logical_not(ops.all(ended)))

    def kept(*carry):
        # A gather forgets sizes that the loop knew before.
        return keras.tree.map_structure(
            lambda old, new: (
                new if None in old.shape else ops.reshape(new, tuple(old.shape))
            ),
            carry,
            tuple(body(*carry)),
        )

    return ops.while_loop(goes_on, kept, carry)


def drawn(logits, chance):
    """The place that each row's number in [0, 1) falls into, by its probabilities."""
    sums = ops.cumsum(ops.softmax(logits, -1), -1)
    below = sums <= chance[:, None] * sums[:, -1:]
    last = logits.shape[-1] - 1
    return ops.minimum(ops.sum(ops.cast(below, "int32"), -1), last)


def _check(start, end, max_steps):
    check_integer("start", start, least=0)
    check_integer("end", end, hint="0 is padding.")
    check_integer("max_steps", max_steps)


def _check_tokens(start, end, logits):
    for name, token in (("start", start), ("end", end)):
        if token >= logits.shape[-1]:
            raise ValueError(
                f"`{name}` must be a token of the vocabulary, below {logits.shape[-1]}"
                f". Received: {name}={token}."
            )


def _check_width(name, value, logits):
    if value > logits.shape[-1]:
        raise ValueError(
            f"`{name}` must be at most the size of the vocabulary, {logits.shape[-1]}. "
            f"Received: {name}={value}."
        )
