from conformance.case import Case

from tfrecvis import layers


def cells(rng, batch, other):
    grid = (2, 5) if other else (3, 4)
    return {
        "values": rng.uniform(-0.2, 1.2, (batch, *grid, 18)).astype("float32"),
        "images": rng.normal(size=(batch, 24, 32 + 8 * other, 3)).astype("float32"),
    }


CASES = {
    "CellBoxes": Case(
        layers.CellBoxes, {"boxes_per_cell": 3}, cells, keeps_float32=True
    )
}
