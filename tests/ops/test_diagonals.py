"""Images of every size: the same numbers in segments as in one loop over all rows."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from reference.gradients import near

from tfrecvis.ops import LSTMDirection, diagonals, lowering

B, C, U = 2, 3, 4
OPTIONS = {
    "zeros": {},
    "first state": {"state": True},
    "first state and mask": {"state": True, "mask": True},
    "two memories": {"forget_gates": 2},
    "stable, cleared": {
        "forget_gates": 2,
        "stable": True,
        "masked": "zero",
        "mask": True,
    },
}
SIZES = (12, 9), (5, 17), (17, 5), (40, 30)  # width, height


def tensors(width, height, options):
    rng = np.random.default_rng(0)
    gates = (3 + options.get("forget_gates", 1)) * U
    shapes = {
        "inputs": (width, height, B, C),
        "recurrent_kernel": (2 * U, gates),
        "kernel": (C, gates),
        "bias": (gates,),
    }
    if "state" in options:
        shapes |= {"h": (U,), "c": (U,)}
    drawn = {n: rng.normal(size=s, scale=0.4) for n, s in shapes.items()}
    return {n: tf.constant(x, "float32") for n, x in drawn.items()}


def run(given, options, training=True):
    """Hidden states and all gradients."""
    options = {k: v for k, v in options.items() if k != "state"}
    width, height = given["inputs"].shape[:2]
    mask = None
    if options.pop("mask", False):
        mask = np.ones((width, height, B, 1), "float32")
        mask[-2:, :, 1] = mask[:, -1:, 0] = mask[0, 1] = 0
    with tf.GradientTape() as tape:
        tape.watch(given)
        direction = LSTMDirection(**{"h": None, "c": None, **given}, mask=mask)
        (h,) = diagonals.diagonal_lstm([direction], **options, training=training)
        if mask is not None:
            h = h * mask
        loss = tf.reduce_sum(tf.sin(h * tf.range(1.0, U + 1)))
    return h, tape.gradient(loss, given)


def in_one_loop(monkeypatch):
    monkeypatch.setattr(
        diagonals, "_segments", lambda w, h: [(slice(0, w + h - 1), 0, h)]
    )


# The hand-written gradients of all options in a high image; wide ones, and automatic
# gradients, of some. The rest of the grid is slow.
FAST = {
    *((name, (5, 17), True) for name in OPTIONS),
    ("first state and mask", (17, 5), True),
    ("stable, cleared", (17, 5), False),
    ("zeros", (12, 9), False),
    ("two memories", (12, 9), True),
}


@pytest.mark.parametrize(
    ("options", "size", "training"),
    [
        pytest.param(
            *cell,
            marks=[] if cell in FAST else [pytest.mark.slow],
            id=f"{cell[0]}-{cell[1][0]}x{cell[1][1]}-{cell[2]}",
        )
        for cell in itertools.product(OPTIONS, SIZES, [False, True])
    ],
)
def test_segments_change_no_number(options, size, training, monkeypatch):
    options = OPTIONS[options]
    given = tensors(*size, options)
    got = run(given, options, training)
    in_one_loop(monkeypatch)
    expected = run(given, options, training)
    near(tf.nest.flatten(got), tf.nest.flatten(expected), atol=2e-5)


def test_segments_of_a_large_image_change_no_number(monkeypatch):
    """Eight segments in place of four: the outputs alone, which take seconds less."""
    given = tensors(40, 30, {})
    direction = LSTMDirection(**{"h": None, "c": None, **given})
    (got,) = diagonals.diagonal_lstm([direction])
    in_one_loop(monkeypatch)
    (expected,) = diagonals.diagonal_lstm([direction])
    near([got], [expected], atol=2e-5)


@pytest.mark.parametrize("size", SIZES)
def test_segments_have_all_steps_and_few_idle_rows(size):
    width, height = size
    segments = diagonals._segments(width, height)
    assert len(segments) == (4 if width + height <= 64 else 8)
    assert [s.start for s, *_ in segments[1:]] == [s.stop for s, *_ in segments[:-1]]
    assert (segments[0][0].start, segments[-1][0].stop) == (0, width + height - 1)
    for steps, low, high in segments:
        for t in (steps.start, steps.stop - 1):  # rows that the diagonal crosses
            assert low <= max(0, t - width + 1)
            assert min(height, t + 1) <= high
    cells = sum((s.stop - s.start) * (high - low) for s, low, high in segments)
    assert cells < 1.6 * width * height + 2 * (width + height)


def test_loops_make_one_step_per_diagonal(count_steps):
    run(tensors(12, 9, {}), {})
    assert sum(count_steps) == 2 * (12 + 9 - 1)  # forward and back
    assert len(count_steps) == 8


@pytest.mark.slow
def test_sizes_known_only_at_run_time_take_one_loop(count_steps):
    given = tensors(12, 9, {})
    expected = run(given, {})
    del count_steps[:]
    unknown = [None, None, None, C]
    traced = tf.function(
        lambda x: run({**given, "inputs": x}, {}),
        input_signature=[tf.TensorSpec(unknown)],
    )
    got = traced(given["inputs"])
    near(tf.nest.flatten(got), tf.nest.flatten(expected), atol=2e-5)
    assert len(count_steps) == 2


@pytest.mark.parametrize("name", ["buffer", "unrolled"])
def test_exports_take_one_loop(name, count_steps):
    given = tensors(12, 9, {"state": True})
    expected, _ = run(given, {}, training=False)
    del count_steps[:]
    with lowering(name):
        got, _ = run(given, {}, training=False)
    near([got], [expected])
    assert len(count_steps) == (name == "buffer")
