"""The layers without weights that the package's models are made of."""

from conformance.case import Case

from tfrecvis import layers


def maps(rng, batch, other):
    size = (3, 7) if other else (4, 5)
    return rng.normal(size=(batch, *size, 3)).astype("float32")


def pixels(rng, batch, other):
    return {"images": rng.uniform(0, 255, maps(rng, batch, other).shape).astype("f")}


def photos(rng, batch, other):
    return {"images": pixels(rng, batch, other)["images"].astype("uint8")}


def two_maps(rng, batch, other):
    like = maps(rng, batch, other)
    padded = rng.normal(size=(batch, 8, 9 + other, 2)).astype("float32")
    return {"maps": padded, "like": like}


def apart(rng, batch, other):
    nodes = 7 if other else 4
    return {
        "nodes": rng.normal(size=(batch * nodes, 1, 5)).astype("float32"),
        "like": rng.normal(size=(batch, nodes, 2)).astype("float32"),
    }


CASES = {
    "ScaleImages, caffe": Case(layers.ScaleImages, {"mode": "caffe"}, pixels),
    "ScaleImages, symmetric, of bytes": Case(
        layers.ScaleImages, {}, photos, variant=True
    ),
    "PadToMultiple": Case(
        layers.PadToMultiple, {"multiple": 4}, lambda *a: {"images": maps(*a)}
    ),
    "CropToMatch": Case(layers.CropToMatch, {}, two_maps),
    "ResizeImages": Case(
        layers.ResizeImages, {"factor": 1.5}, lambda *a: {"images": maps(*a)}
    ),
    "Upsample": Case(layers.Upsample, {}, lambda *a: {"maps": maps(*a)}),
    "GroupNodes": Case(layers.GroupNodes, {}, apart),
}
