from conformance.case import Case

from tfrecvis import layers


def images(rng, batch, other):
    size = (3, 7) if other else (4, 6)
    return {"images": rng.normal(size=(batch, *size, 3)).astype("float32")}


RGB = {"filters": 6, "num_colors": 3}

# With colours the kernels are masked, and the residual path adds a convolution.
CASES = {
    "MaskedConv2D, type A": Case(
        layers.MaskedConv2D,
        {**RGB, "kernel_size": (3, 5), "mask_type": "A", "use_bias": False},
        images,
    ),
    "RowLSTM": Case(
        layers.RowLSTM,
        {**RGB, "kernel_size": 5, "residual": True, "learn_initial_state": False},
        images,
    ),
    "RowLSTM, initial state": Case(
        layers.RowLSTM, {"filters": 5}, images, variant=True
    ),
    "DiagonalBiLSTM": Case(
        layers.DiagonalBiLSTM,
        {**RGB, "residual": True, "learn_initial_state": False},
        images,
    ),
    "DiagonalBiLSTM, initial state": Case(
        layers.DiagonalBiLSTM, {"filters": 5}, images, variant=True
    ),
}
