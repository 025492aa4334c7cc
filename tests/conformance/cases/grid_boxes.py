from conformance.case import Case

from tfrecvis import layers


def maps(rng, batch, other):
    size = (2, 5) if other else (3, 4)
    return {"maps": rng.normal(size=(batch, *size, 14)).astype("float32")}


CASES = {
    "GridBoxes": Case(
        layers.GridBoxes,
        {"priors": [[10.0, 20.0], [40.0, 30.0]], "stride": 8},
        maps,
        keeps_float32=True,
    )
}
