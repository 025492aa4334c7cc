"""Captioners: a training step, and the time that saying one sentence takes.

Each decoder is raced as `tfrecvis.models.captioning.signatures` exports it, the search
inside the graph, beside searches that are loops of Python over the same step.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfrecvis import models
from tfrecvis.export import export_model, load_artefact
from tfrecvis.losses import CaptionCrossEntropy
from tfrecvis.models import captioning
from tfrecvis.ops.words import END, SPECIAL_WORDS, START
from tfrecvis.tools.benchmark.timing import race

SIZE = 128  # of the photos, height and width
WORDS = 2500
STEPS = 20  # words of a sentence
BATCH, CAPTIONS = 16, 5  # of a training step: images, and captions of each
BEAMS = {"greedy": 1, "beam 5": 5}

CAPTIONERS = {
    name: functools.partial(
        getattr(models, name), units=256, embedding_size=256, **arguments
    )
    for name, arguments in {
        "ContextualCaptioner": {},
        "DeepImageSent": {},
        "LRCN": {},
        "ShowAndTell": {},
        "ShowAttendTell": {"attention_units": 256},
    }.items()
}
ARTEFACTS = {"saved_model": ".", "litert": "model_float32.tflite"}
LOOPS = ("Python loop", "Python loop, step as a graph")
IN_GRAPH = ("eager", "graph", "xla", *ARTEFACTS)


def build(name):
    """A captioner of random weights, whose likeliest words are far from the others.

    With the small logits of a new model, rounding would decide between beams.
    """
    keras.utils.set_random_seed(0)
    words = [*SPECIAL_WORDS, *(f"word{number}" for number in range(WORDS - 4))]
    model = CAPTIONERS[name](words)
    kernel = model.get_layer("decoder").word_logits.kernel
    kernel.assign(20 * kernel)
    return model


def training_steps(model):
    """A step of `fit` as a function without arguments, by mode."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (BATCH, SIZE, SIZE, 3)).astype("float32")
    tokens = rng.integers(4, WORDS, (BATCH, CAPTIONS, STEPS + 1)).astype("int32")
    tokens[..., -1] = END
    found = {}
    for mode, jit_compile in (("graph", False), ("xla", True)):
        twin = keras.models.clone_model(model)
        twin.compile("adam", CaptionCrossEntropy(), jit_compile=jit_compile)
        batch = {"images": images, "tokens": tokens}
        found[mode] = functools.partial(twin.train_on_batch, batch, tokens)
    return found


def decoders(model, folder):
    """Functions of a photo `(1, height, width, 3)` to tokens `(1, STEPS)`.

    Args:
        model: A captioner.
        folder: Where the artefacts are written.

    Returns:
        Dict of the names in `BEAMS` to a dict of contenders to functions.
    """
    signatures = {
        name: captioning.signatures(model, beam_width=width, max_steps=STEPS)
        for name, width in BEAMS.items()
    }
    _, _, encode, step = signatures["greedy"]
    parts = {LOOPS[0]: (encode, step), LOOPS[1]: (_graph(encode), _graph(step))}
    wholes = {name: found[0] for name, found in signatures.items()}
    exported = [
        dataclasses.replace(
            whole, name="serving_default" if place == 0 else f"search{place}"
        )
        for place, whole in enumerate(wholes.values())
    ]
    # The files of other weights are left out, since their answers may differ.
    exported = [dataclasses.replace(one, weights=("float32",)) for one in exported]
    photos = {"images": photo()}
    export_model(
        exported,
        folder,
        {one.name: photos for one in exported},
        formats=["saved_model", "litert"],
    )
    loaded = {
        kind: load_artefact(Path(folder) / "1" / path)
        for kind, path in ARTEFACTS.items()
    }
    found = {}
    for (name, whole), one in zip(wholes.items(), exported, strict=True):
        in_graph = {
            "eager": whole,
            "graph": _graph(whole),
            "xla": _graph(whole, jit_compile=True),
        }
        found[name] = {
            mode: functools.partial(_tokens, run) for mode, run in in_graph.items()
        }
        for kind, artefact in loaded.items():
            found[name][kind] = functools.partial(_predicted, artefact, one.name)
        for loop, (begin, advance) in parts.items():
            found[name][loop] = functools.partial(
                python_search, begin, advance, beam_width=BEAMS[name], max_steps=STEPS
            )
    return found


def photo():
    return np.random.default_rng(1).integers(0, 256, (1, SIZE, SIZE, 3), "uint8")


def _graph(signature, jit_compile=False):
    def answer(**inputs):  # a signature itself cannot be hashed
        return signature(**inputs)

    return tf.function(answer, autograph=False, jit_compile=jit_compile)


def _tokens(run, images):
    return np.asarray(run(images=tf.constant(images))["tokens"])


def _predicted(artefact, signature, images):
    return artefact.predict({"images": images}, signature)["tokens"]


def python_search(encode, step, images, beam_width, max_steps):
    """Beam search over one image as a loop of Python and NumPy.

    Args:
        encode, step: Those of the signatures of a captioner.
        images: uint8 array `(1, height, width, 3)`.
        beam_width: Positive integer.
        max_steps: Positive integer, the most words.

    Returns:
        int32 array `(1, max_steps)`, the words of the best sentence, then 0.
    """
    given = encode(images=tf.constant(images))
    given = {name: tf.repeat(x, beam_width, 0) for name, x in given.items()}
    scores = np.full(beam_width, -np.inf)
    scores[0] = 0.0  # all beams are the same sentence at first
    last = np.full(beam_width, START, "int32")
    said = np.zeros((beam_width, max_steps), "int32")
    ended = np.zeros(beam_width, bool)
    for number in range(max_steps):
        answer = dict(step(tokens=tf.constant(last), **given))
        with np.errstate(divide="ignore"):
            logs = np.log(answer.pop("probabilities").numpy())
        logs[ended] = -np.inf
        logs[ended, END] = 0.0
        totals = (scores[:, None] + logs).ravel()
        best = np.argpartition(-totals, beam_width - 1)[:beam_width]
        best = best[np.argsort(-totals[best], kind="stable")]
        parents, last = np.divmod(best, logs.shape[1])
        last, scores = last.astype("int32"), totals[best]
        ended = ended[parents] | (last == END)
        said = said[parents]
        said[:, number] = np.where(ended, 0, last)
        for name, x in answer.items():
            given[name.removeprefix("next_")] = tf.gather(x, parents)
        if ended.all():
            break
    return said[:1]


def measure(name, rounds):
    """Times one captioner; returns a list of one row.

    Args:
        name: A key of `CAPTIONERS`.
        rounds: Integer, timed calls of each contender.

    Returns:
        List of one dict: `captioner`, `parameters`, `training`, the times of a step by
        mode, and `decoding`: by the names of `BEAMS`, the `times` of one photo by
        contender, `words`, the length of its sentence, and `ratios`, the processor
        time of each loop of Python over that of each contender in the graph.

    Raises:
        RuntimeError: a contender says another sentence than the first.
    """
    model = build(name)
    row = {"captioner": name, "parameters": model.count_params()}
    row["training"] = race(training_steps(model), rounds)
    row["decoding"] = {}
    images = photo()
    with tempfile.TemporaryDirectory() as folder:
        for search, contenders in decoders(model, folder).items():
            words = check_equal(
                {key: run(images) for key, run in contenders.items()}, name, search
            )
            times = race(
                {
                    key: functools.partial(run, images)
                    for key, run in contenders.items()
                },
                rounds,
            )
            spent = {key: max(one["processor_ms"], 0.01) for key, one in times.items()}
            ratios = {
                loop: {key: round(spent[loop] / spent[key], 1) for key in IN_GRAPH}
                for loop in LOOPS
            }
            row["decoding"][search] = {"words": words, "times": times, "ratios": ratios}
    return [row]


def check_equal(said, name, search):
    """The number of words of a sentence, which all contenders must say.

    Example:

    >>> check_equal({"eager": np.array([[4, 5, 0]])}, "ShowAndTell", "greedy")
    2
    """
    (first, wanted), *others = said.items()
    for key, tokens in others:
        if not np.array_equal(tokens, wanted):
            raise RuntimeError(
                f"{name}, {search}: {key} says other words than {first}: "
                f"{tokens.tolist()}, {wanted.tolist()}."
            )
    return int((wanted > 0).sum())


def table(rows):
    """The rows as two Markdown tables; each cell is wall ms / processor ms.

    Example:

    >>> times = {"median_ms": 2.0, "processor_ms": 3.0}
    >>> search = {"words": 20, "times": dict.fromkeys((*IN_GRAPH, *LOOPS), times),
    ...           "ratios": {loop: dict.fromkeys(IN_GRAPH, 1.0) for loop in LOOPS}}
    >>> row = {"captioner": "A", "parameters": 5, "decoding": {"beam 5": search},
    ...        "training": {"graph": times, "xla": times}}
    >>> print(table([row]).splitlines()[-1])
    | A | beam 5 | 2.0 / 3.0 | 2.0 / 3.0 | 2.0 / 3.0 | 2.0 / 3.0 | 2.0 / 3.0 \
| 2.0 / 3.0 | 2.0 / 3.0 | 1.0 | 1.0 |
    """

    def cell(times):
        return f"{times['median_ms']:.1f} / {times['processor_ms']:.1f}"

    lines = [
        f"| a step of {BATCH} images with {CAPTIONS} captions: ms / processor ms "
        "| parameters | graph | XLA |",
        "| --- " * 4 + "|",
    ]
    for row in rows:
        cells = [cell(row["training"][mode]) for mode in ("graph", "xla")]
        name, count = row["captioner"], f"{row['parameters']:,}"
        lines.append("| " + " | ".join([name, count, *cells]) + " |")
    lines += [
        "",
        "| a photo's caption: ms / processor ms | search | eager | graph | XLA "
        "| SavedModel | LiteRT | Python loop | the same, its step as a graph "
        "| processor time, loop / XLA | loop of graphs / XLA |",
        "| --- " * 11 + "|",
    ]
    for row in rows:
        for search, found in row["decoding"].items():
            cells = [cell(found["times"][key]) for key in (*IN_GRAPH, *LOOPS)]
            ratios = [str(found["ratios"][loop]["xla"]) for loop in LOOPS]
            name = row["captioner"]
            lines.append("| " + " | ".join([name, search, *cells, *ratios]) + " |")
    return "\n".join(lines)
