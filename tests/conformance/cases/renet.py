from conformance.case import Case

from tfrecvis import layers


def images(rng, batch, other):
    size = (3, 7) if other else (4, 6)
    return {"images": rng.normal(size=(batch, *size, 3)).astype("float32")}


CASES = {
    # Patches, dropout and an initial state come on top of the recurrence.
    "ReNet, lstm": Case(
        layers.ReNet,
        {
            "units": 5,
            "patch_size": (2, 3),
            "dropout": 0.3,
            "learn_initial_state": True,
            "seed": 11,
        },
        images,
        quiet={"dropout": 0.0},
    ),
    "ReNet, gru": Case(layers.ReNet, {"units": 5, "cell": "gru"}, images, variant=True),
}
