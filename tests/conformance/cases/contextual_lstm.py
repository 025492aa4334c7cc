import keras
from conformance.case import Case

from tfrecvis import layers

CONTEXT = 3


def parts(rng, batch, other):
    steps = 7 if other else 5
    return {
        "sequences": rng.normal(size=(batch, steps, 4)).astype("float32"),
        "context": rng.normal(size=(batch, CONTEXT)).astype("float32"),
    }


def together(rng, batch, other):
    steps = 7 if other else 5
    x = rng.normal(size=(batch, steps, 4 + CONTEXT)).astype("float32")
    return {"sequences": x}


def in_an_rnn(cell):
    return keras.layers.RNN(cell, return_sequences=True, dtype=cell.dtype_policy)


CASES = {
    # Peepholes, a matrix of the context for each gate, three outputs.
    "ContextualLSTM": Case(
        layers.ContextualLSTM,
        {
            "units": 5,
            "context_size": CONTEXT,
            "return_sequences": True,
            "return_state": True,
        },
        parts,
    ),
    "ContextualLSTM, shared context, backwards": Case(
        layers.ContextualLSTM,
        {
            "units": 5,
            "context_size": CONTEXT,
            "peepholes": False,
            "shared_context": True,
            "go_backwards": True,
        },
        together,
        variant=True,
    ),
    "ContextualLSTMCell": Case(
        layers.ContextualLSTMCell,
        {
            "units": 5,
            "context_size": CONTEXT,
            "peepholes": False,
            "shared_context": True,
        },
        together,
        unsupported={
            "LiteRT builtins": "keras.layers.RNN keeps its steps in TensorLists; "
            "use ContextualLSTM"
        },
        wrap=in_an_rnn,
        loop_of="ContextualLSTM",  # that of Keras, around the same step
    ),
}
