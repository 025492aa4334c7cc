from conformance.case import Case

from tfrecvis import layers


def sequences(rng, batch, other):
    steps = 7 if other else 5
    return {"inputs": rng.normal(size=(batch, steps, 3)).astype("float32")}


def images(rng, batch, other):
    height, width = (3, 6) if other else (5, 4)
    state = [rng.normal(size=(batch, width, 2, 3)).astype("float32") for _ in range(2)]
    return {
        "inputs": rng.normal(size=(batch, height, width, 3)).astype("float32"),
        "mask": rng.random((batch, height, width)) < 0.8,
        "initial_state": state,
    }


CASES = {
    "GridLSTM, sequences": Case(
        layers.GridLSTM,
        {"units": 4, "depth": 3, "priority": (-1,)},
        sequences,
        variant=True,
    ),
    # Two spatial axes, a mask, and most of what a GridLSTM can be.
    "GridLSTM, images": Case(
        layers.GridLSTM,
        {
            "units": 3,
            "depth": 2,
            "tied": False,
            "transforms": ("lstm", "tanh", "lstm"),
            "priority": (-1,),
            "output_gate": "outside",
            "peepholes": True,
            "reverse": (1,),
            "return_state": True,
        },
        images,
    ),
}
