"""Which paths are artefacts, and what is said of others."""

import sys

import pytest

from tfrecvis.export import load_artefact


def test_an_artefact_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no artefact at .*gone.tflite"):
        load_artefact(tmp_path / "gone.tflite")


def test_a_file_of_another_kind_lists_the_known_ones(tmp_path):
    (tmp_path / "model.h5").write_text("")
    with pytest.raises(ValueError, match="ends in .tflite or .onnx. Received"):
        load_artefact(tmp_path / "model.h5")


def test_a_folder_of_versions_names_them(tmp_path):
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "saved_model.pb").write_text("")
    with pytest.raises(ValueError, match="Name a version below it: 4"):
        load_artefact(tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no saved_model\.pb\.$"):
        load_artefact(tmp_path)


@pytest.mark.parametrize(
    ("file", "library", "message"),
    [
        (
            "model_float32.tflite",
            "ai_edge_litert.interpreter",
            "LiteRT.*ai-edge-litert",
        ),
        ("model.onnx", "onnxruntime", "ONNX files need onnxruntime"),
    ],
)
def test_a_missing_runtime_says_how_to_install_it(
    tmp_path, monkeypatch, file, library, message
):
    (tmp_path / file).write_text("")
    monkeypatch.setitem(sys.modules, library, None)
    extra = "onnx" if file.endswith("onnx") else "litert"
    with pytest.raises(ImportError, match=rf"{message}.*'tfrecvis\[{extra}\]'"):
        load_artefact(tmp_path / file)
