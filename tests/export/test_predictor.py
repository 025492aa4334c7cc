"""Every artefact predicts by itself, in its own runtime, for any batch."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tfrecvis.export import Predictor, load_artefact
from tfrecvis.export.predictor import check_array

FILES = ["", "model_float32.tflite", "model_float16.tflite", "model_int8.tflite"]
FILES += ["model.onnx"]
LITERT = FILES[1:4]
# Differences of probabilities on this model; reasons as in parity.TOLERANCES.
ATOL = {"model_float16.tflite": 2e-2, "model_int8.tflite": 1e-1}


@pytest.fixture(scope="module", params=FILES)
def file(request):
    return request.param


@pytest.fixture(scope="module")
def predictor(exported, file):
    return load_artefact(exported.path / file)


@pytest.mark.parametrize("batch", [1, 3])
def test_artefact_predicts_what_the_model_predicts(
    exported, predictor, images, file, batch
):
    found = predictor.predict({"images": images[:batch]})
    assert found["labels"].dtype == np.int32
    assert found["probabilities"].dtype == np.float32
    np.testing.assert_allclose(
        found["probabilities"],
        exported.probabilities[:batch],
        atol=ATOL.get(file, 1e-5),  # float32 sums in another order
    )
    np.testing.assert_array_equal(
        found["labels"], found["probabilities"].argmax(axis=-1)
    )


def test_second_signature_predicts_what_the_encoder_gives(exported, images, file):
    file = "model_encode.onnx" if file == "model.onnx" else file
    found = load_artefact(exported.path / file).predict({"images": images}, "encode")
    scale = np.abs(exported.features).max()
    assert scale > 0.1
    np.testing.assert_allclose(
        found["features"], exported.features, atol=scale * ATOL.get(file, 1e-5)
    )


def test_predictor_knows_its_kind_its_path_and_what_it_takes(exported, predictor, file):
    litert = file in LITERT
    kind = "saved_model" if file == "" else "litert" if litert else "onnx"
    assert predictor.kind == kind
    assert predictor.path == exported.path / file
    sizes = (18, 26) if litert else (None, None)
    spec = (None, *sizes, 3), "uint8"
    assert predictor.signatures["serving_default"] == {"images": spec}


def test_predictor_reads_the_card(exported, predictor):
    card = {key: predictor.card[key] for key in exported.card}
    assert card == exported.card


def test_file_without_a_card_is_loaded_with_an_empty_one(exported, tmp_path):
    content = (exported.path / "model_float32.tflite").read_bytes()
    (tmp_path / "bare.tflite").write_bytes(content[: content.index(b"PK\3\4")])
    predictor = load_artefact(tmp_path / "bare.tflite")
    assert predictor.card == {}
    assert list(predictor.signatures) == ["encode", "serving_default"]


def test_results_outlive_the_next_prediction(exported, images):
    predictor = load_artefact(exported.path / "model_float32.tflite")
    first = predictor.predict({"images": images[:1]})["probabilities"]
    before = first.copy()
    predictor.predict({"images": images[1:2]})
    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize("file", LITERT)
def test_litert_holds_builtin_operators_only(exported, file):
    interpreter = Interpreter(model_path=str(exported.path / file))
    names = {entry["op_name"] for entry in interpreter._get_ops_details()}
    assert "WHILE" in names
    assert not {name for name in names if name.startswith("Flex") or "CUSTOM" in name}
    assert sorted(interpreter.get_signature_list()) == ["encode", "serving_default"]


def test_rounded_weights_are_smaller_where_matrices_are_large(exported):
    # The operators of this tiny model outweigh its weights; the buffers tell.
    interpreter = Interpreter(model_path=str(exported.path / "model_int8.tflite"))
    types = {entry["dtype"] for entry in interpreter.get_tensor_details()}
    assert np.int8 in types


def test_onnx_takes_any_size_and_names_its_axes(exported, segmenter, images):
    import onnxruntime

    path = exported.path / "model.onnx"
    session = onnxruntime.InferenceSession(str(path))
    assert session.get_inputs()[0].shape == ["batch", "height", "width", 3]
    outputs = {value.name: value.shape for value in session.get_outputs()}
    assert outputs["labels"] == ["batch", "height", "width"]
    crop = images[:2, :9, :7]
    found = load_artefact(path).predict({"images": crop})
    wanted = keras.ops.softmax(segmenter(crop.astype("float32")))
    np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-5)


# What `predict` refuses.


def test_litert_of_another_size_says_which_size_it_takes(exported, images):
    predictor = load_artefact(exported.path / "model_float32.tflite")
    match = r"Received: \(5, 8, 26, 3\)\. model_float32\.tflite takes this size only"
    with pytest.raises(ValueError, match=match):
        predictor.predict({"images": images[:, :8]})


def test_axes_are_named_in_messages(exported, images):
    predictor = load_artefact(exported.path / "model.onnx")
    with pytest.raises(ValueError, match=r"the shape \(batch, height, width, 3\)"):
        predictor.predict({"images": images[0]})


@pytest.fixture
def echo():
    """A predictor without a runtime, which answers with its inputs."""
    specs = {
        "images": ((None, None, None, 3), "uint8"),
        "state": ((None, 4), "float32"),
        "tokens": ((None, None), "int32"),
        "mask": ((None, None), "bool"),
        "prompt": ((None,), "string"),
    }
    return Predictor("echo", lambda name, inputs: inputs, {"serving_default": specs})


@pytest.fixture
def batch():
    return {
        "images": np.zeros((2, 4, 6, 3), "uint8"),
        "state": np.zeros((2, 4), "float32"),
        "tokens": np.zeros((2, 5), "int32"),
        "mask": np.ones((2, 5), bool),
        "prompt": ["a", b"b"],
    }


def test_lists_and_wider_numbers_are_converted_to_what_a_signature_takes(echo, batch):
    batch["images"] = list(batch["images"])
    batch["state"] = batch["state"].astype("float64").tolist()
    batch["tokens"] = batch["tokens"].astype("int64") - 2**31
    found = echo.predict({**batch, "labels": "ignored"})
    assert list(found) == list(echo.signatures["serving_default"])
    dtypes = [value.dtype for value in found.values()]
    assert dtypes == ["uint8", "float32", "int32", "bool", "object"]
    assert found["tokens"][0, 0] == -(2**31)


def nan(state):
    state[1, 2] = np.nan
    return state


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "images",
            lambda x: x[0],
            r"Received: \(4, 6, 3\).*batch axis: images\[None\]",
        ),
        ("images", lambda x: x[None], r"`images`.*Received: \(1, 2, 4, 6, 3\)"),
        ("images", lambda x: x[..., :1], r"any, 3\)\. Received: \(2, 4, 6, 1\)"),
        ("images", lambda x: x[:0], r"no axis empty. Received: \(0, 4, 6, 3\)"),
        ("images", lambda x: x[:, :0], r"no axis empty. Received: \(2, 0, 6, 3\)"),
        ("images", lambda x: x.astype("float32"), "uint8. Received: float32. Convert"),
        ("images", lambda x: x.astype("int64"), "uint8. Received: int64. Convert"),
        ("images", lambda x: [x[0], x[1, :3]], r"share one size.*\(3, 6, 3\)"),
        ("state", lambda x: x.astype(str), "must be float32. Received: <U"),
        ("state", nan, "finite values. Received: NaN or infinity in entry 1"),
        ("state", lambda x: x.astype("float64") + 1e300, "float32 cannot hold"),
        ("tokens", lambda x: x + 0.5, "`tokens` must be int32. Received: float64"),
        (
            "tokens",
            lambda x: x.astype("int64") + 2**31,
            "int32 cannot hold.*2147483648",
        ),
        ("tokens", lambda x: [[1, 2], [3]], r"must share one size.*\(1,\), \(2,\)"),
        ("tokens", lambda x: [[[1, 2], [3]]] * 2, "lists of different lengths. Pad"),
        ("tokens", lambda x: x[:1], "same number of entries.*2 of images.*1 of tokens"),
        ("mask", lambda x: x.astype("int32"), "`mask` must be bool. Received: int32"),
        ("prompt", lambda x: [3, "a"], "must hold strings or bytes. Received: int"),
        ("prompt", lambda x: "a", r"`prompt`.*Received: \(\)"),
    ],
)
def test_a_wrong_input_is_named_with_what_is_expected(
    echo, batch, name, change, message
):
    batch[name] = change(batch[name])
    with pytest.raises(ValueError, match=message):
        echo.predict(batch)


def test_a_missing_input_is_named(echo, batch):
    del batch["mask"]
    with pytest.raises(ValueError, match="takes images, .*prompt. Received: no mask"):
        echo.predict(batch)


def test_a_batch_that_is_no_dict_is_refused(echo, batch):
    with pytest.raises(ValueError, match="must be a dict.*Received: ndarray"):
        echo.predict(batch["images"])


def test_an_unknown_signature_lists_the_known_ones(echo, batch):
    with pytest.raises(ValueError, match="no signature 'encode'. Use one of serving_d"):
        echo.predict(batch, "encode")


def test_an_array_that_fits_is_not_copied():
    array = np.zeros((2, 3), "float32")
    assert check_array("x", array, (None, 3), "float32") is array


def test_inputs_that_share_an_axis_agree_in_it(echo, batch):
    axes = {"tokens": ["batch", "steps"], "mask": ["batch", "steps"]}
    described = {name: {"axes": names} for name, names in axes.items()}
    echo.card["signatures"] = {"serving_default": described}
    echo.predict(batch)
    batch["mask"] = batch["mask"][:, :4]
    match = "same number of steps. Received: 5 in `tokens`, 4 in `mask`"
    with pytest.raises(ValueError, match=match):
        echo.predict(batch)
