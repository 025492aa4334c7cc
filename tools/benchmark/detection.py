"""The operators of detectors beside TensorFlow's own: time, processor time, memory."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfrecvis.ops import roi_align, suppress
from tfrecvis.tools.benchmark.timing import race

MODES = {"graph": False, "xla": True}
PASSES = ("forward", "training")


class Case(NamedTuple):
    """An operator at one size, and its peer.

    Fields:
        inputs: Function that makes the arguments of both, arrays.
        ours: Function of them.
        peer: The same for TensorFlow's operator; it runs as a graph.
        passes: Of `PASSES`; "training" is the gradient for the first argument.

    Example:

    >>> CASES["suppression, 8000 boxes, 300 kept"].passes
    ('forward',)
    """

    inputs: Callable
    ours: Callable
    peer: Callable
    passes: tuple = PASSES


def _maps_and_boxes():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(1, 128, 128, 256)).astype("float32")
    corners = rng.uniform(0, 90, (1, 512, 2))
    ends = np.minimum(corners + rng.uniform(8, 60, (1, 512, 2)), 128)
    return maps, np.concatenate([corners, ends], -1).astype("float32")


def _boxes_and_scores():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 900, (8000, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 120, (8000, 2))], -1)
    return boxes.astype("float32"), rng.uniform(size=8000).astype("float32")


def _crop_and_resize(maps, boxes, ratio):
    """As many samples as `roi_align` takes with a ratio, and their means.

    The places of the samples differ: `crop_and_resize` begins at the border of a box.
    """
    count = tf.shape(boxes)[1]
    corners = tf.gather(boxes[0] / 127, [1, 0, 3, 2], axis=1)
    images = tf.zeros((count,), tf.int32)
    crops = tf.image.crop_and_resize(maps, corners, images, [7 * ratio] * 2)
    return tf.nn.avg_pool2d(crops, ratio, ratio, "VALID")


def _roi_align(ratio, peer_ratio):
    return Case(
        _maps_and_boxes,
        lambda maps, boxes: roi_align(maps, boxes, 7, sampling_ratio=ratio),
        functools.partial(_crop_and_resize, ratio=peer_ratio),
    )


def _suppression(most):
    return Case(
        _boxes_and_scores,
        lambda boxes, scores: suppress(boxes[None], scores[None], most, 0.7).indices,
        lambda boxes, scores: tf.image.non_max_suppression(boxes, scores, most, 0.7),
        ("forward",),
    )


CASES = {
    "RoIAlign 1x128x128x256, 512 boxes, ratio 2": _roi_align(2, 2),
    # Boxes are 34 pixels long on average: 5 samples per bin and axis.
    "RoIAlign 1x128x128x256, 512 boxes, adaptive": _roi_align(0, 5),
    "suppression, 8000 boxes, 300 kept": _suppression(300),
    "suppression, 8000 boxes, 1000 kept": _suppression(1000),
}


def contenders(name, passes):
    """Functions without arguments by name: ours in each mode, and the peer.

    Example:

    >>> sorted(contenders("suppression, 8000 boxes, 300 kept", "forward"))
    ['peer', 'tfrecvis graph', 'tfrecvis xla']
    """
    case = CASES[name]
    inputs = [tf.constant(x) for x in case.inputs()]

    def function(run, jit_compile):
        def gradient(*inputs):
            with tf.GradientTape() as tape:
                tape.watch(inputs[0])
                loss = tf.reduce_sum(tf.square(run(*inputs)))
            return tape.gradient(loss, inputs[0])

        compiled = tf.function(
            run if passes == "forward" else gradient,
            autograph=False,
            jit_compile=jit_compile,
        )
        # Reading one value waits for the whole computation.
        return lambda: np.asarray(tf.reshape(compiled(*inputs), [-1])[:1])

    found = {
        f"tfrecvis {mode}": function(case.ours, jit) for mode, jit in MODES.items()
    }
    return {**found, "peer": function(case.peer, False)}


def measure(name, rounds, probe):
    """Races one operator; returns a row per pass.

    Args:
        name: A key of `CASES`.
        rounds: Integer, timed calls of each contender.
        probe: Function of the case, the pass and a contender that returns its peak
            memory as `{"peak_mib"}`, from a process of its own.

    Returns:
        List of dicts: `case`, `pass`, `times` by contender, with `peak_mib` among them,
        and `ratios`, our processor time over the peer's, by mode.
    """
    rows = []
    for passes in CASES[name].passes:
        times = race(contenders(name, passes), rounds)
        for contender, result in times.items():
            result.update(probe(name, passes, contender))
        ratios = {
            mode: round(
                times[f"tfrecvis {mode}"]["processor_ms"]
                / max(times["peer"]["processor_ms"], 0.01),
                2,
            )
            for mode in MODES
        }
        rows.append({"case": name, "pass": passes, "times": times, "ratios": ratios})
    return rows


def table(rows):
    """The rows as a Markdown table; each cell is wall ms / processor ms / peak MiB.

    Example:

    >>> times = dict.fromkeys(
    ...     ("tfrecvis graph", "tfrecvis xla", "peer"),
    ...     {"median_ms": 2.0, "processor_ms": 3.0, "peak_mib": 4.0},
    ... )
    >>> row = {"case": "A", "pass": "forward", "times": times,
    ...        "ratios": {"graph": 1.0, "xla": 0.5}}
    >>> print(table([row]).splitlines()[-1])
    | A | forward | 2.0 / 3.0 / 4 | 2.0 / 3.0 / 4 | 2.0 / 3.0 / 4 | 1.0 | 0.5 |
    """
    lines = [
        "| operator | pass | graph: ms / processor ms / MiB | XLA | TensorFlow's "
        "| processor time, graph / theirs | XLA / theirs |",
        "| --- " * 7 + "|",
    ]
    for row in rows:
        cells = [
            f"{t['median_ms']:.1f} / {t['processor_ms']:.1f} / {t['peak_mib']:.0f}"
            for t in (
                row["times"][c] for c in ("tfrecvis graph", "tfrecvis xla", "peer")
            )
        ]
        ratios = [str(row["ratios"][mode]) for mode in ("graph", "xla")]
        lines.append(
            "| " + " | ".join([row["case"], row["pass"], *cells, *ratios]) + " |"
        )
    return "\n".join(lines)
