"""What cannot be right is refused before any work."""

import keras
import numpy as np
import pytest

from tfrecvis.export import ExportError, export_model, load_artefact

pytestmark = pytest.mark.usefixtures("no_work")


def test_nan_in_images_names_the_image(segmenter, images, tmp_path):
    broken = images.astype("float32")
    broken[3, 2, 2, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite values in image 3"):
        export_model(segmenter, tmp_path, broken)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.astype("float32"), "must be uint8, 0-255. Received: float32"),
        (lambda x: x.astype("int64"), "must be uint8, 0-255. Received: int64"),
        (lambda x: x[0], r"Received: \(18, 26, 3\). Add the batch axis"),
        (lambda x: x[None], r"Received: \(1, 5, 18, 26, 3\)"),
        (lambda x: x[..., :1], r"Received: \(5, 18, 26, 1\)"),
        (lambda x: x[:0], "at least one image"),
        (lambda x: x[:, :0], "at least one pixel"),
        (lambda x: [x[0], x[1, :4]], r"must share one size.*\(4, 26, 3\)"),
    ],
)
def test_wrong_images_say_what_is_expected(
    segmenter, images, tmp_path, change, message
):
    with pytest.raises(ValueError, match=message):
        export_model(segmenter, tmp_path, change(images))


@pytest.mark.parametrize("version", [0, -1, 1.5, "2", True, None])
def test_a_version_is_a_positive_integer(segmenter, images, tmp_path, version):
    with pytest.raises(ValueError, match="`version` must be a positive integer"):
        export_model(segmenter, tmp_path, images, version=version)


def test_an_existing_version_names_the_next_free_one(segmenter, images, tmp_path):
    (tmp_path / "2").mkdir()
    (tmp_path / "7").mkdir()
    with pytest.raises(ValueError, match="never overwrites. Use version=8"):
        export_model(segmenter, tmp_path, images, version=2)


def test_a_file_in_place_of_the_directory_is_refused(segmenter, images, tmp_path):
    (tmp_path / "tiny").write_text("not a folder")
    with pytest.raises(ValueError, match="must be a folder"):
        export_model(segmenter, tmp_path / "tiny", images)


@pytest.mark.parametrize("formats", [["saved_model", "coreml"], [], "tflite"])
def test_unknown_formats_list_the_known_ones(segmenter, images, tmp_path, formats):
    with pytest.raises(ValueError, match="'saved_model', 'litert', 'onnx'"):
        export_model(segmenter, tmp_path, images, formats=formats)


@pytest.mark.parametrize("size", [(0, 24), (16, -1), 16, (16,), (16.0, 24.0), "ab"])
def test_an_image_size_is_two_positive_integers(segmenter, images, tmp_path, size):
    with pytest.raises(ValueError, match="`image_size` must be two positive integers"):
        export_model(segmenter, tmp_path, images, image_size=size)


def test_an_image_size_that_the_model_does_not_take_is_refused(
    build_segmenter, images, tmp_path
):
    model = build_segmenter(input_shape=(18, 26, 3))
    with pytest.raises(ValueError, match=r"Pass image_size=\(18, 26\)"):
        export_model(model, tmp_path, images, image_size=(32, 26))


def test_class_names_of_another_count_are_refused(segmenter, images, tmp_path):
    with pytest.raises(ValueError, match="the model's 3 classes. Received: 2 names"):
        export_model(segmenter, tmp_path, images, class_names=["sky", "road"])


@pytest.mark.parametrize(
    ("tolerances", "message"),
    [
        ({"litert": 0.1}, "entries for saved_model, litert_float32.*'litert'"),
        ({"onnx": -1}, r"0 to 1. Received: tolerances\['onnx'\]=-1"),
        ({"onnx": float("nan")}, "0 to 1"),
    ],
)
def test_wrong_tolerances_are_refused(segmenter, images, tmp_path, tolerances, message):
    with pytest.raises(ValueError, match=message):
        export_model(segmenter, tmp_path, images, tolerances=tolerances)


def test_what_is_no_model_of_images_is_refused(images, tmp_path):
    vector = keras.Input((8,))
    model = keras.Model(vector, keras.layers.Dense(2)(vector))
    with pytest.raises(ValueError, match=r"takes \(None, 8\)"):
        export_model(model, tmp_path, images)
    with pytest.raises(ValueError, match="built Keras model.*Received: str"):
        export_model("model.keras", tmp_path, images)


def test_a_model_of_one_class_is_refused(images, tmp_path):
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs)
    with pytest.raises(ValueError, match="two classes or more"):
        export_model(keras.Model(inputs, outputs), tmp_path, images)


def test_a_model_of_several_outputs_is_refused(images, tmp_path):
    inputs = keras.Input((None, None, 3))
    outputs = [keras.layers.Conv2D(2, 1)(inputs) for _ in range(2)]
    with pytest.raises(ValueError, match="must have one output"):
        export_model(keras.Model(inputs, outputs), tmp_path, images)


def test_missing_onnx_libraries_name_the_extra(
    segmenter, images, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "tfrecvis.export.onnx.importlib.util.find_spec",
        lambda name: None if name == "tf2onnx" else name,
    )
    with pytest.raises(ExportError, match=r"needs tf2onnx\. .*tfrecvis\[onnx\]"):
        export_model(segmenter, tmp_path, images)


def test_another_backend_says_how_to_export(segmenter, images, tmp_path, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ExportError, match="KERAS_BACKEND=tensorflow"):
        export_model(segmenter, tmp_path, images)


def test_an_artefact_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no artefact at .*gone.tflite"):
        load_artefact(tmp_path / "gone.tflite")


def test_a_file_of_another_kind_lists_the_known_ones(tmp_path):
    (tmp_path / "model.h5").write_text("")
    with pytest.raises(ValueError, match=".tflite, .onnx, .keras. Received"):
        load_artefact(tmp_path / "model.h5")


def test_a_folder_of_versions_names_them(tmp_path):
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "saved_model.pb").write_text("")
    with pytest.raises(ValueError, match="Name a version below it: 4"):
        load_artefact(tmp_path)
