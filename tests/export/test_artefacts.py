"""Every artefact predicts alone, in its own runtime, for any batch."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tfrecvis.export import load_artefact
from tfrecvis.export.artefacts import are_probabilities

FILES = ["", "model_float32.tflite", "model_float16.tflite", "model_int8.tflite"]
FILES += ["model.onnx"]
LITERT = FILES[1:4]
# Differences of probabilities on this model; reasons as in parity.TOLERANCES.
ATOL = {"model_float16.tflite": 2e-2, "model_int8.tflite": 1e-1}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("batch", [1, 3])
def test_artefact_predicts_what_the_model_predicts(exported, images, file, batch):
    found = load_artefact(exported.path / file).predict(images[:batch])
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


def test_a_keras_file_predicts_the_same(exported, segmenter, images, tmp_path):
    segmenter.save(tmp_path / "model.keras")
    (tmp_path / "model.json").write_text('{"class_names": ["a", "b", "c"]}')
    artefact = load_artefact(tmp_path / "model.keras")
    found = artefact.predict(images)
    np.testing.assert_allclose(found["probabilities"], exported.probabilities, 1e-5)
    np.testing.assert_array_equal(found["labels"], exported.labels)
    assert artefact.class_names == ["a", "b", "c"]


@pytest.mark.parametrize("file", FILES)
def test_artefact_knows_its_size_and_classes(exported, file):
    artefact = load_artefact(exported.path / file)
    assert artefact.class_names == ["sky", "road", "tree"]
    assert artefact.image_size == ((18, 26) if file in LITERT else (None, None))


@pytest.mark.parametrize("file", LITERT)
def test_litert_holds_builtin_operators_alone(exported, file):
    interpreter = Interpreter(model_path=str(exported.path / file))
    names = {entry["op_name"] for entry in interpreter._get_ops_details()}
    assert "WHILE" in names
    assert not {name for name in names if name.startswith("Flex") or "CUSTOM" in name}
    assert list(interpreter.get_signature_list()) == ["serving_default"]


def test_rounded_weights_are_smaller_where_matrices_are_large(exported):
    # The operators of this tiny model outweigh its weights; the buffers tell.
    interpreter = Interpreter(model_path=str(exported.path / "model_int8.tflite"))
    types = {entry["dtype"] for entry in interpreter.get_tensor_details()}
    assert np.int8 in types


def test_litert_of_another_size_says_which_size_it_takes(exported, images):
    artefact = load_artefact(exported.path / "model_float32.tflite")
    with pytest.raises(ValueError, match=r"\(18, 26\). Received: \(8, 26\)"):
        artefact.predict(images[:, :8])


def test_onnx_takes_any_size_and_names_its_axes(exported, segmenter, images):
    import onnxruntime

    path = exported.path / "model.onnx"
    session = onnxruntime.InferenceSession(str(path))
    assert session.get_inputs()[0].shape == ["batch", "height", "width", 3]
    crop = images[:2, :9, :7]
    found = load_artefact(path).predict(crop)
    wanted = keras.ops.softmax(segmenter(crop.astype("float32")))
    np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-5)


def test_results_outlive_the_next_prediction(exported, images):
    artefact = load_artefact(exported.path / "model_float32.tflite")
    first = artefact.predict(images[:1])["probabilities"]
    before = first.copy()
    artefact.predict(images[1:2])
    np.testing.assert_array_equal(first, before)


def test_predict_refuses_wrong_images(exported, images):
    with pytest.raises(ValueError, match="must be uint8"):
        load_artefact(exported.path).predict(images.astype("float32"))


def test_logits_are_told_from_probabilities():
    logits = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    powers = np.exp(logits)
    assert not are_probabilities(logits)
    assert not are_probabilities(powers)
    assert are_probabilities(powers / powers.sum(-1, keepdims=True))
