"""Which formats an installation can write."""

import importlib.util

import pytest
from architecture import project

from tfrecvis.export.formats import available
from tfrecvis.models.signature import FORMATS


def test_a_format_whose_library_is_missing_is_not_there(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert available.formats() == ("saved_model",)
    assert available.missing_libraries("litert") == ["ai-edge-litert"]
    assert available.missing_libraries("onnx") == ["tf2onnx", "onnxruntime"]
    match = r"onnx needs tf2onnx and onnxruntime, .*: pip install 'tfrecvis\[onnx\]'"
    with pytest.raises(ImportError, match=match):
        available.check_format("onnx")


@pytest.mark.parametrize("name", FORMATS[1:])
def test_the_extra_of_a_format_brings_its_libraries(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    extra = project.settings()["options.extras_require"][name]
    libraries = available.missing_libraries(name)
    assert libraries
    assert [library for library in libraries if library not in extra] == []
