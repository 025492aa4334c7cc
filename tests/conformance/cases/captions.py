from conformance.case import Case

from tfrecvis import layers

WORDS = ["", "[UNK]", "[start]", "[end]", "a", "dog", "runs"]


def tokens(rng, batch, other):
    return rng.integers(0, len(WORDS), (batch, 4 if other else 3)).astype("int32")


def captions(rng, batch, other):
    steps = 6 if other else 5
    return rng.integers(0, len(WORDS), (batch, 2, steps)).astype("int32")


def vectors(rng, batch, other):
    return {
        "features": rng.normal(size=(batch, 3)).astype("float32"),
        "tokens": captions(rng, batch, other),
    }


def maps(rng, batch, other):
    size = (2, 5) if other else (3, 4)
    return {
        "features": rng.normal(size=(batch, *size, 3)).astype("float32"),
        "tokens": captions(rng, batch, other),
    }


def drawn(rng, batch, other):
    given = maps(rng, batch, other)
    batch, captions, steps = given["tokens"].shape
    noise = rng.uniform(size=(batch, captions, steps + 1)).astype("float32")
    return {**given, "noise": noise}


ARGUMENTS = {"words": WORDS, "units": 5, "embedding_size": 4, "dropout": 0.25}
QUIET = {"dropout": 0.0}
# Arguments of the base class, where a decoder takes no others.
SAMPLING = {"sampling": 0.25, "sampling_steps": 3}
TRUE_WORDS = {"sampling": 0.0, "sampling_steps": 0}

CASES = {
    "WordEmbedding": Case(
        layers.WordEmbedding,
        {"words": WORDS, "units": 4},
        lambda *a: {"tokens": tokens(*a)},
    ),
    "ShowAndTellDecoder": Case(
        layers.ShowAndTellDecoder,
        ARGUMENTS,
        vectors,
        QUIET,
        keeps_float32=True,
        loop_of="ContextualLSTM",
    ),
    "LRCNDecoder": Case(
        layers.LRCNDecoder,
        {**ARGUMENTS, **SAMPLING},
        vectors,
        {**QUIET, **TRUE_WORDS},
        keeps_float32=True,
        loop_of="ContextualLSTM",
    ),
    "ContextualDecoder": Case(
        layers.ContextualDecoder,
        {**ARGUMENTS, "topics": 6},
        vectors,
        QUIET,
        keeps_float32=True,
        loop_of="ContextualLSTM",
    ),
    "DeepImageSentDecoder": Case(
        layers.DeepImageSentDecoder,
        {**ARGUMENTS, **SAMPLING},
        vectors,
        {**QUIET, **TRUE_WORDS},
        keeps_float32=True,
        loop_of="ShowAttendTellDecoder",  # that of `CaptionDecoder.unroll`
    ),
    "HardShowAttendTellDecoder": Case(
        layers.HardShowAttendTellDecoder,
        {
            **ARGUMENTS,
            "attention_units": 6,
            "penalty": 0.5,
            "reinforce_weight": 1.0,
            "entropy_weight": 0.1,
            "seed": 3,
        },
        drawn,
        QUIET,
        keeps_float32=True,
        loop_of="ShowAttendTellDecoder",
    ),
    "ShowAttendTellDecoder": Case(
        layers.ShowAttendTellDecoder,
        {**ARGUMENTS, "attention_units": 6, "penalty": 0.5},
        maps,
        QUIET,
        keeps_float32=True,
    ),
}
