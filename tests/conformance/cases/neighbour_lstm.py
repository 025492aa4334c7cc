from conformance.case import Case

from tfrecvis import layers


def images(rng, batch, other):
    height, width = (2, 5) if other else (4, 3)
    x = rng.normal(size=(batch, height, width, 3)).astype("float32")
    return {"images": x}


CASES = {
    # Weights of its own for each layer, which the loop over the depth reads.
    "LocalGlobalLSTM": Case(
        layers.LocalGlobalLSTM,
        {"units": 2, "depth": 3},
        images,
        loop_of="PixelLSTM",
    ),
    "LocalGlobalLSTM, tied": Case(
        layers.LocalGlobalLSTM,
        {"units": 2, "depth": 2, "tied": True},
        images,
        variant=True,
    ),
    "PixelLSTM": Case(layers.PixelLSTM, {"units": 2, "depth": 3, "tied": True}, images),
}
