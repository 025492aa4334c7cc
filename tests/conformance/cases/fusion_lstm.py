from conformance.case import Case

from tfrecvis import layers


def inputs(rng, batch, other):
    height, width = (3, 7) if other else (4, 6)
    return {
        "modalities": [
            rng.normal(size=(batch, height, width, channels)).astype("float32")
            for channels in (3, 2)
        ]
    }


CASES = {
    "FusionLSTM": Case(layers.FusionLSTM, {"units": 5}, inputs, loop_of="ReNet, lstm")
}
