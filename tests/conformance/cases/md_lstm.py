from conformance.case import Case
from conformance.cases.causal_layers import images

from tfrecvis import layers

CASES = {
    "MDLSTM, plain": Case(layers.MDLSTM, {"units": 5}, images, variant=True),
    # A gate more, directions that are flipped, and a merge that computes.
    "MDLSTM, stable": Case(
        layers.MDLSTM,
        {
            "units": 5,
            "directions": ("up_right", "down_left"),
            "merge_mode": "sum",
            "cell": "stable",
        },
        images,
    ),
}
