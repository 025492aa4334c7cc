from conformance.case import Case

from tfrecvis import layers


def maps(rng, batch, other):
    size = (2, 5) if other else (3, 4)
    return {"maps": rng.normal(size=(batch, *size, 3)).astype("float32")}


CASES = {
    "RolloutLSTM": Case(layers.RolloutLSTM, {"units": 5, "steps": 4}, maps),
}
