from conformance.case import Case

from tfrecvis import layers

NODES = 6


def labels(rng, batch, other):
    size = (3, 7) if other else (4, 5)
    return rng.integers(-1, NODES, size=(batch, *size)).astype("int32")


def images(rng, batch, other):
    found = labels(rng, batch, other)
    features = rng.normal(size=(*found.shape, 3)).astype("float32")
    return {"images": features, "labels": found}


def nodes(rng, batch, other):
    features = rng.normal(size=(batch, NODES + other, 3)).astype("float32")
    return {"nodes": features, "labels": labels(rng, batch, other)}


CASES = {
    "SuperpixelPooling": Case(layers.SuperpixelPooling, {"num_nodes": NODES}, images),
    "SuperpixelUnpooling": Case(layers.SuperpixelUnpooling, {}, nodes),
}
