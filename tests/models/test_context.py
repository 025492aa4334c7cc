"""Context: what each kind sees, its twin's size, its exports and errors."""

import keras
import numpy as np
import pytest

from tfrecvis.export import export_model
from tfrecvis.layers import MDLSTM, GridLSTM
from tfrecvis.models import LRCN, ReSeg, segmentation
from tfrecvis.models.context import CONTEXTS, CORNERS, add_context

RECURRENT = "renet", "mdlstm", "gridlstm"
WORDS = ["", "[UNK]", "[start]", "[end]", "dog"]
TINY = {
    "units": 3,
    "num_layers": 1,
    "backbone_filters": (4, 6),
    "backbone_blocks": (0, 0),
    "decoder_filters": (4,),
}


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def context(kind, units=3, channels=5, residual=False, size=(None, None)):
    keras.utils.set_random_seed(1)
    maps = keras.Input((*size, channels))
    found = add_context(maps, kind, units, "lstm", 0.0, residual, name="context1")
    return keras.Model(maps, found)


def twin_of(kind):
    return "conv" if kind == "renet" else f"{kind}_conv"


def random_maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_every_kind_and_its_twin_is_known():
    assert set(CONTEXTS) == {*RECURRENT, *map(twin_of, RECURRENT)}


@pytest.mark.parametrize("kind", RECURRENT)
def test_every_place_sees_every_other_and_those_of_the_twin_do_not(kind):
    maps = random_maps(1, 8, 9, 5)
    for name, sees in ((kind, True), (twin_of(kind), False)):
        model = context(name)
        for here, there in [((0, 0), (-1, -1)), ((0, -1), (-1, 0))]:
            for (r, c), (row, column) in [(here, there), (there, here)]:
                changed = maps.copy()
                changed[:, r, c] += 1
                change = numpy(model(changed)) - numpy(model(maps))
                assert (np.abs(change[0, row, column]).max() > 0) == sees


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize(("units", "channels"), [(48, 96), (16, 32)])
def test_twin_has_as_many_parameters_and_channels(kind, units, channels):
    real, twin = (context(name, units, channels) for name in (kind, twin_of(kind)))
    assert twin.count_params() == pytest.approx(real.count_params(), rel=0.02)
    assert twin.output_shape == real.output_shape
    assert real.output_shape[-1] == units * (2 if kind == "renet" else 4)


def test_outputs_are_those_of_the_layers_side_by_side():
    maps = random_maps(2, 4, 7, 5)
    model = context("mdlstm")
    layer = MDLSTM(3, cell="stable")
    layer.build(maps.shape)
    layer.set_weights(model.get_weights())
    np.testing.assert_allclose(numpy(model(maps)), numpy(layer(maps)), atol=1e-6)
    model, found = context("gridlstm"), []
    for corner, reverse in CORNERS.items():
        layer = GridLSTM(3, 1, reverse=reverse)
        layer.build(maps.shape)
        layer.set_weights(model.get_layer(f"context1_{corner}").get_weights())
        found.append(numpy(layer(maps)))
    np.testing.assert_allclose(numpy(model(maps)), np.concatenate(found, -1), atol=1e-6)


@pytest.mark.parametrize("kind", CONTEXTS)
def test_residual_context_keeps_the_shape_of_any_map(kind):
    model = context(kind, residual=True)
    for size in ((1, 1), (3, 5)):
        assert tuple(model(random_maps(2, *size, 5)).shape) == (2, *size, 5)


@pytest.mark.parametrize("kind", RECURRENT[1:])
def test_models_take_every_context(kind):
    model = ReSeg(3, context=kind, **TINY)
    images = np.zeros((1, 9, 11, 3), "uint8")
    assert tuple(model(images).shape) == (1, 9, 11, 3)
    small = {"backbone_filters": (4,), "backbone_blocks": (0,), "units": 4}
    captioner = LRCN(WORDS, context=kind, context_layers=1, context_units=3, **small)
    assert captioner.get_layer("encoder").get_layer("context1")


def test_gru_of_another_context_says_what_works():
    for kind in ("mdlstm", "gridlstm_conv"):
        with pytest.raises(ValueError, match='`cell` must be "lstm" with context='):
            ReSeg(3, context=kind, cell="gru", **TINY)
    with pytest.raises(ValueError, match="`context` must be"):
        ReSeg(3, context="lstm_conv", **TINY)


@pytest.mark.slow
@pytest.mark.parametrize("kind", RECURRENT[1:])
def test_every_export_and_xla_answer_the_same(kind, exports_here, tmp_path):
    keras.utils.set_random_seed(2)
    model = ReSeg(3, context=kind, **TINY)
    images = np.random.default_rng(3).integers(0, 256, (2, 21, 26, 3), "uint8")
    expected = numpy(model(images))
    model.compile(jit_compile=True)
    found = model.predict(images, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    signatures = segmentation.signatures(model)
    examples = {"images": images}
    with exports_here():
        report = export_model(signatures, tmp_path / "model", examples)
    kinds = {"saved_model", "litert_float32", "litert_float16", "litert_int8", "onnx"}
    assert kinds <= set(report["artefacts"])
