from conformance.case import Case

from tfrecvis import layers


def read(rng, batch, other):
    size = (3, 7) if other else (4, 6)
    shapes = {
        "images": (batch, *size, 2),
        "hidden": (batch, 3),
        "error_images": (batch, *size, 2),
    }
    return {
        name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()
    }


def hidden(rng, batch, other):
    return {"hidden": rng.normal(size=(batch, 3)).astype("float32")}


CASES = {
    "DrawRead": Case(layers.DrawRead, {"patch_size": 3}, read),
    "DrawWrite": Case(
        layers.DrawWrite, {"image_shape": (4, 6, 2), "patch_size": 3}, hidden
    ),
}
