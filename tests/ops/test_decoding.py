"""Searches beside slow ones in plain Python, over random steps."""

import math

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfrecvis.ops import beam_search, greedy_search, lowering, sample_sentences

VOCABULARY, UNITS, BATCH, STEPS = 7, 4, 3, 6
START, END = 1, 2


class Walk:
    """A random recurrent step, for Keras and for NumPy."""

    def __init__(self, seed, sure=2.0):
        rng = np.random.default_rng(seed)
        self.words = rng.normal(size=(VOCABULARY, UNITS)).astype("float32")
        self.kernel = rng.normal(size=(UNITS, UNITS)).astype("float32")
        self.out = (sure * rng.normal(size=(UNITS, VOCABULARY))).astype("float32")
        self.first = rng.normal(size=(BATCH, UNITS)).astype("float32")
        # Padding and the start token are never chosen.
        self.bias = np.array([-1e4, -1e4] + [0] * (VOCABULARY - 2), "float32")

    def state(self):
        """A nest: the search must carry whatever it is given."""
        return {"h": ops.convert_to_tensor(self.first), "n": ops.zeros((BATCH,))}

    def step(self, tokens, state):
        h = ops.matmul(state["h"], self.kernel) + ops.take(self.words, tokens, axis=0)
        h = ops.tanh(h)
        return ops.matmul(h, self.out) + self.bias, {"h": h, "n": state["n"] + 1}

    def logs(self, token, h):
        h = np.tanh(h.astype("float64") @ self.kernel + self.words[token])
        logits = h @ self.out + self.bias
        top = logits.max()
        return logits - top - math.log(np.exp(logits - top).sum()), h


def slow_beam(walk, h, width, power, results):
    """The definition: all continuations in a list, sorted."""

    def rank(candidate):
        words, total, ended, _ = candidate
        return total / ((5 + len(words)) / 6) ** power

    beam = [((), 0.0, False, h)]
    for _ in range(STEPS):
        candidates = []
        for words, total, ended, h in beam:
            if ended:
                candidates.append((words, total, True, h))
                continue
            logs, after = walk.logs(words[-1] if words else START, h)
            for token in range(VOCABULARY):
                new = words if token == END else (*words, token)
                candidates.append((new, total + logs[token], token == END, after))
        beam = sorted(candidates, key=rank, reverse=True)[:width]
    return [(words, rank((words, total, 0, 0))) for words, total, _, _ in beam][
        :results
    ]


def padded(words):
    return [*words, *[0] * (STEPS - len(words))]


@pytest.mark.parametrize(
    ("width", "power", "results"), [(1, 0, 1), (3, 0, 2), (5, 0.7, 5), (4, 1.5, 1)]
)
def test_beams_are_those_of_the_slow_search(width, power, results):
    ended = 0
    for seed in range(6):
        walk = Walk(seed)
        found = beam_search(
            walk.step, walk.state(), START, END, STEPS, width, power, results
        )
        assert found.tokens.shape == (BATCH, results, STEPS)
        for image in range(BATCH):
            expected = slow_beam(walk, walk.first[image], width, power, results)
            for n, (words, score) in enumerate(expected):
                assert found.tokens[image, n].numpy().tolist() == padded(words)
                assert float(found.scores[image, n]) == pytest.approx(score, abs=1e-4)
                assert int(found.lengths[image, n]) == len(words)
                ended += len(words) < STEPS
    assert ended  # some sentences end before the loop does


def test_width_of_one_is_greedy_and_greedy_is_the_slow_one():
    for seed in range(6):
        walk = Walk(seed)
        greedy = greedy_search(walk.step, walk.state(), START, END, STEPS)
        beam = beam_search(walk.step, walk.state(), START, END, STEPS, beam_width=1)
        for one, other in zip(greedy, beam, strict=True):
            np.testing.assert_allclose(one, other[:, 0], atol=1e-5)
        for image in range(BATCH):
            words, total, token, h = [], 0.0, START, walk.first[image]
            while len(words) < STEPS:
                logs, h = walk.logs(token, h)
                token = int(logs.argmax())
                total += logs[token]
                if token == END:
                    break
                words.append(token)
            assert greedy.tokens[image].numpy().tolist() == padded(words)
            assert float(greedy.scores[image]) == pytest.approx(total, abs=1e-4)


def test_all_sentences_are_found_by_a_beam_of_all():
    """Two steps and a beam as wide as all their sentences: the exact best one."""
    walk = Walk(3, sure=0.5)
    width = VOCABULARY
    found = beam_search(walk.step, walk.state(), START, END, 2, width, 0, 1)
    for image in range(BATCH):
        best = -math.inf
        logs, h = walk.logs(START, walk.first[image])
        best = max(best, logs[END])
        for first in range(VOCABULARY):
            if first != END:
                best = max(best, logs[first] + walk.logs(first, h)[0].max())
        assert float(found.scores[image, 0]) == pytest.approx(best, abs=1e-4)


def test_equal_scores_go_to_the_better_sentence_and_then_to_the_lower_token():
    def even(tokens, state):
        return ops.zeros((ops.shape(tokens)[0], VOCABULARY)), state

    found = beam_search(even, ops.zeros((1, 1)), START, END, 2, 3, 0, 3)
    # Each step keeps tokens 0, 1 and END; END has ended with the highest score.
    assert found.tokens[0].numpy().tolist() == [[0, 0], [0, 0], [0, 1]]
    assert found.lengths[0].numpy().tolist() == [0, 2, 2]


def test_loop_stops_when_all_have_ended():
    counts = []

    def ends(tokens, state):
        counts.append(1)
        return 50.0 * ops.one_hot(ops.zeros_like(tokens) + END, VOCABULARY), state

    found = greedy_search(ends, ops.zeros((2, 1)), START, END, 100)
    assert len(counts) == 1
    assert found.lengths.numpy().tolist() == [0, 0]


def test_samples_follow_the_probabilities():
    walk = Walk(1, sure=0.7)
    rng = np.random.default_rng(0)
    many = 4000
    state = {"h": np.repeat(walk.first[:1], many, 0), "n": np.zeros(many, "float32")}
    for temperature, top_k in ((1.0, None), (0.5, None), (2.0, 3)):
        noise = rng.uniform(size=(many, 1)).astype("float32")
        found = sample_sentences(
            walk.step, state, START, END, noise, temperature, top_k
        )
        logs, _ = walk.logs(START, walk.first[0])
        logits = logs / temperature
        if top_k:
            logits[np.argsort(logs)[:-top_k]] = -np.inf
        expected = np.exp(logits) / np.exp(logits).sum()
        first = found.tokens.numpy()[:, 0]
        first = np.where(found.lengths == 0, END, first)
        share = np.bincount(first, minlength=VOCABULARY) / many
        np.testing.assert_allclose(share, expected, atol=4 * math.sqrt(0.25 / many))
        # Scores are the model's own.
        np.testing.assert_allclose(found.scores, logs[first], atol=1e-4)


def test_a_low_temperature_is_greedy():
    walk = Walk(2)
    noise = np.random.default_rng(0).uniform(size=(BATCH, STEPS)).astype("float32")
    cold = sample_sentences(walk.step, walk.state(), START, END, noise, 1e-4)
    greedy = greedy_search(walk.step, walk.state(), START, END, STEPS)
    np.testing.assert_array_equal(cold.tokens, greedy.tokens)


@pytest.mark.parametrize("name", ["tensor_array", "buffer"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_graphs_equal_eager_calls_for_every_batch(name, jit_compile):
    walk = Walk(4)
    expected = beam_search(walk.step, walk.state(), START, END, STEPS, 3, 0.5, 2)

    @tf.function(
        input_signature=[tf.TensorSpec((None, UNITS)), tf.TensorSpec((None,))],
        jit_compile=jit_compile,
        autograph=False,
    )
    def search(h, n):
        with lowering(name):
            return beam_search(
                walk.step, {"h": h, "n": n}, START, END, STEPS, 3, 0.5, 2
            )

    for size in (1, BATCH):
        found = search(*(x[:size] for x in walk.state().values()))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other[:size], atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w, s: beam_search(w, s, 1, 0, 4), "`end` must be an integer of at l"),
        (lambda w, s: beam_search(w, s, 1, 2, 0), "`max_steps` must be"),
        (lambda w, s: beam_search(w, s, 1, 2, 4, 8), "`beam_width` must be at most"),
        (lambda w, s: beam_search(w, s, 1, 2, 4, 2, 0, 3), "`num_results` must be at"),
        (lambda w, s: beam_search(w, s, 1, 2, 4, 2, -1), "`length_power` must be"),
        (
            lambda w, s: sample_sentences(w, s, 1, 2, np.ones((BATCH, 4)), 0),
            "`temperature` must be a finite number above 0",
        ),
        (
            lambda w, s: sample_sentences(w, s, 1, 2, np.ones((BATCH, 4)), 1.0, 9),
            "`top_k` must be at most the size of the vocabulary, 7",
        ),
        (lambda w, s: greedy_search(w, s, -1, 2, 4), "`start` must be"),
        (lambda w, s: greedy_search(w, s, 1, 99, 4), "`end` must be a token of the v"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    walk = Walk(0)
    with pytest.raises(ValueError, match=message):
        call(walk.step, walk.state())
