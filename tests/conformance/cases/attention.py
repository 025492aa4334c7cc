from conformance.case import Case

from tfrecvis import layers


def sequence(rng, batch, other):
    locations = 7 if other else 5
    mask = rng.random((batch, locations)) < 0.6
    mask[:, 2] = True
    return {
        "annotations": rng.normal(size=(batch, locations, 3)).astype("float32"),
        "hidden": rng.normal(size=(batch, 6)).astype("float32"),
        "mask": mask,
    }


def noise(rng, batch):
    # Draws with a distance to every boundary: rounding alpha moves no sample.
    return rng.choice([0.05, 0.45, 0.95], size=(batch, 2)).astype("float32")


def image_map(rng, batch, other):
    size = (2, 5) if other else (3, 4)
    return {
        "annotations": rng.normal(size=(batch, *size, 3)).astype("float32"),
        "hidden": rng.normal(size=(batch, 6)).astype("float32"),
        "noise": noise(rng, batch),  # read in training
    }


def sampled(rng, batch, other):
    return {**sequence(rng, batch, other), "noise": noise(rng, batch)}


CASES = {
    "SoftAttention": Case(layers.SoftAttention, {"units": 4}, sequence),
    "HardAttention, argmax": Case(
        layers.HardAttention, {"units": 4}, image_map, variant=True
    ),
    # Inference draws too: the only case with random numbers in its exports.
    "HardAttention, sample": Case(
        layers.HardAttention, {"units": 4, "inference": "sample", "seed": 3}, sampled
    ),
}
