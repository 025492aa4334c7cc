"""ONNX files: integer division as TensorFlow rounds it, metadata, names of axes."""

import keras
import numpy as np
import pytest

from tfrecvis.export import load_artefact
from tfrecvis.export.formats import onnx, tracing
from tfrecvis.models import Signature, Spec

CARD = {"description": "Vögel", "class_names": ["a"]}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file that divides integers and floats, rounding down."""
    x = keras.Input((), dtype="int32")
    signature = Signature(
        "divide",
        keras.Model(x, keras.ops.abs(x)),
        lambda model, x, y: {
            "rest": keras.ops.mod(x, 8) + 0 * model(x),
            "quotient": keras.ops.floor_divide(x, 8),
            "float_rest": keras.ops.mod(y, 8.0),
        },
        {"x": Spec(("batch",), "int32"), "y": Spec(("batch",), "float32")},
        {
            "rest": Spec(("batch",), "int32"),
            "quotient": Spec(("batch",), "int32"),
            "float_rest": Spec(("batch",), "float32"),
        },
    )
    folder = tmp_path_factory.mktemp("onnx")
    tracing.write_frozen({"divide": tracing.trace(signature)}, folder / "frozen")
    axes = {
        name: s.axes for name, s in {**signature.inputs, **signature.outputs}.items()
    }
    path = folder / "model.onnx"
    onnx.convert(str(folder / "frozen"), str(path), "divide", axes, CARD)
    return path


def test_negative_integers_are_divided_as_tensorflow_divides_them(path):
    x = np.array([-37, -8, -1, 0, 37], "int32")
    found = load_artefact(path).predict({"x": x, "y": x.astype("float32")}, "divide")
    np.testing.assert_array_equal(found["rest"], x % 8)
    np.testing.assert_array_equal(found["quotient"], x // 8)
    np.testing.assert_array_equal(found["float_rest"], x % 8)


def test_metadata_hold_the_card_and_the_name_of_the_signature(path):
    import onnxruntime

    metadata = onnxruntime.InferenceSession(str(path)).get_modelmeta()
    assert metadata.description == "Vögel"
    assert metadata.custom_metadata_map["signature"] == "divide"
    predictor = load_artefact(path)
    assert predictor.card == CARD
    assert predictor.signatures == {
        "divide": {"x": ((None,), "int32"), "y": ((None,), "float32")}
    }


def test_open_axes_bear_the_names_of_the_signature(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    assert [value.shape for value in session.get_inputs()] == [["batch"], ["batch"]]
    assert {tuple(value.shape) for value in session.get_outputs()} == {("batch",)}
