"""What cannot be right is refused before any work."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from tfrecvis.export import ExportError, export_model
from tfrecvis.export.formats import available
from tfrecvis.models import Spec

pytestmark = pytest.mark.usefixtures("no_work")


@pytest.fixture
def export(plain, images, tmp_path):
    """Exports the plain model; arguments replace those that are right."""

    def export(signatures=plain, directory=tmp_path, examples=None, **options):
        examples = {"images": images} if examples is None else examples
        return export_model(signatures, directory, examples, **options)

    return export


def test_right_arguments_get_as_far_as_writing(export):
    with pytest.raises(RuntimeError, match="the export began to write"):
        export()


def nan(images):
    images = images.astype("float32")
    images[3, 2, 2, 1] = np.nan
    return images


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nan, "NaN or infinity in entry 3"),
        (lambda x: x.astype("float32"), "must be uint8. Received: float32"),
        (lambda x: x.astype("int64"), "must be uint8. Received: int64"),
        (lambda x: x[0], r"Received: \(18, 26, 3\). Add the batch axis"),
        (lambda x: x[None], r"Received: \(1, 5, 18, 26, 3\)"),
        (lambda x: x[..., :1], r"width, 3\). Received: \(5, 18, 26, 1\)"),
        (lambda x: x[:0], "no axis empty"),
        (lambda x: x[:, :0], "no axis empty"),
        (lambda x: [x[0], x[1, :4]], r"must share one size.*\(4, 26, 3\)"),
    ],
)
def test_wrong_images_say_what_is_expected(export, images, change, message):
    with pytest.raises(ValueError, match=f"`images` must.*{message}|{message}"):
        export(examples={"images": change(images)})


def test_examples_are_dicts_with_every_input(export, images):
    with pytest.raises(ValueError, match="`examples` must be a dict.*ndarray"):
        export(examples=images)
    match = "lacks the input 'images' of serving_default. Received: photos"
    with pytest.raises(ValueError, match=match):
        export(examples={"photos": images})
    match = r"`examples\['serving_default'\]` must be a dict.*Received: ndarray"
    with pytest.raises(ValueError, match=match):
        export(examples={"serving_default": images})


@pytest.fixture
def pairs(plain):
    """A signature of two inputs that share an axis beside the batch."""
    inputs = {
        "tokens": Spec(("batch", "steps"), "int32"),
        "mask": Spec(("batch", "steps"), "bool"),
    }
    return replace(plain[0], inputs=inputs)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 4), "the same number of steps. Received: 5 in `tokens`, 4 in `mask`"),
        ((3, 5), "same number of entries. Received: 2 of tokens, 3 of mask"),
    ],
)
def test_inputs_that_share_an_axis_agree_in_it(export, pairs, shape, message):
    examples = {"tokens": np.zeros((2, 5), "int32"), "mask": np.ones(shape, bool)}
    with pytest.raises(ValueError, match=message):
        export([pairs], examples=examples)


@pytest.mark.parametrize("version", [0, -1, 1.5, "2", True, None])
def test_a_version_is_a_positive_integer(export, version):
    with pytest.raises(ValueError, match="`version` must be a positive integer"):
        export(version=version)


def test_an_existing_version_names_the_next_free_one(export, tmp_path):
    (tmp_path / "2").mkdir()
    (tmp_path / "7").mkdir()
    with pytest.raises(ValueError, match="never overwrites. Use version=8"):
        export(version=2)


def test_a_file_in_place_of_the_directory_is_refused(export, tmp_path):
    (tmp_path / "tiny").write_text("not a folder")
    with pytest.raises(ValueError, match="must be a folder"):
        export(directory=tmp_path / "tiny")


@pytest.mark.parametrize("formats", [["saved_model", "coreml"], [], "tflite"])
def test_unknown_formats_list_the_known_ones(export, formats):
    with pytest.raises(ValueError, match="'saved_model', 'litert', 'onnx'"):
        export(formats=formats)


@pytest.mark.parametrize(
    ("tolerances", "message"),
    [
        ({"litert": 0.1}, "entries for saved_model, litert_float32.*'litert'"),
        ({"onnx": -1}, r"0 to 1. Received: tolerances\['onnx'\]=-1"),
        ({"onnx": float("nan")}, "0 to 1"),
    ],
)
def test_wrong_tolerances_are_refused(export, tolerances, message):
    with pytest.raises(ValueError, match=message):
        export(tolerances=tolerances)


def test_a_model_in_place_of_signatures_says_how_to_make_them(export, plain):
    with pytest.raises(ValueError, match=r"Keras model.*segmentation\.signatures\(mod"):
        export(plain[0].model)


@pytest.mark.parametrize("names", [[], ["encode"], ["serving_default"] * 2])
def test_signatures_have_one_name_each_and_one_is_the_default(export, plain, names):
    signatures = [replace(plain[0], name=name) for name in names]
    with pytest.raises(ValueError, match="one of them 'serving_default'. Received: "):
        export(signatures)


def test_a_name_that_is_no_identifier_is_refused(export, plain):
    signatures = [*plain, replace(plain[0], name="../encode")]
    with pytest.raises(ValueError, match=r"identifiers. Received: '\.\./encode'"):
        export(signatures)


def test_a_fixed_batch_is_refused(export, plain):
    signature = replace(plain[0], inputs={"images": Spec((1, 4, 4, 3), "uint8")})
    with pytest.raises(ValueError, match=r"must be an open one.*\(1, 4, 4, 3\)"):
        export([signature])


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (
            {"labels": Spec(("batch",), "int32")},
            "must give labels, as its `outputs` say",
        ),
        (
            {
                "labels": Spec(("batch", "height", "width"), "int64"),
                "probabilities": Spec(("batch", "height", "width", 3), "float32"),
            },
            r"must give labels as int64 .*Received: int32",
        ),
        (
            {
                "labels": Spec(("batch", "height", "width"), "int32"),
                "probabilities": Spec(("batch", "height", "width", 4), "float32"),
            },
            r"must give probabilities as float32 .*4\).*Received: float32",
        ),
    ],
)
def test_outputs_that_are_not_as_declared_are_refused(export, plain, outputs, message):
    with pytest.raises(ValueError, match=message):
        export([replace(plain[0], outputs=outputs)])


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (["sky"], "`card` must be a dict. Received: list"),
        ({"colours": {1, 2}}, "that JSON can hold. Received: .*set"),
        ({"score": float("nan")}, "that JSON can hold"),
        ({"class_names": [1, 2]}, r"list of strings. Received: \[1, 2\]"),
        ({"description": None}, r"`card\['description'\]` must be a string"),
    ],
)
def test_a_card_that_cannot_travel_is_refused(export, card, message):
    with pytest.raises(ValueError, match=message):
        export(card=card)


@pytest.fixture
def hide(monkeypatch):
    """Hides libraries from those that ask whether they are installed."""
    find_spec = importlib.util.find_spec

    def hide(*names):
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *args: None if name in names else find_spec(name, *args),
        )

    return hide


@pytest.mark.parametrize(
    ("name", "hidden", "message"),
    [
        ("onnx", ["tf2onnx"], r"onnx needs tf2onnx, not .*'tfrecvis\[onnx\]'"),
        ("onnx", ["tf2onnx", "onnxruntime"], "needs tf2onnx and onnxruntime, not"),
        ("litert", ["ai_edge_litert"], r"needs ai-edge-litert.*'tfrecvis\[litert\]'"),
    ],
)
def test_a_missing_library_names_the_extra_and_the_command(
    export, hide, name, hidden, message
):
    hide(*hidden)
    with pytest.raises(ImportError, match=message):
        export(formats=[name])


def test_formats_without_their_library_are_left_out_by_default(export, hide, patch):
    assert available.formats() == ("saved_model", "litert", "onnx")
    hide("onnxruntime", "ai_edge_litert")
    assert available.formats() == ("saved_model",)
    patch("clock", lambda call: {"milliseconds": 1.0})
    with pytest.raises(RuntimeError, match="the export began to write"):
        export()


def test_another_backend_says_how_to_export(export, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ExportError, match="KERAS_BACKEND=tensorflow"):
        export()
