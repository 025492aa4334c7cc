"""Every layer as a SavedModel, in LiteRT and in ONNX Runtime."""

from conformance.columns import check, every_case


@every_case("SavedModel")
def test_saved_model_gives_equal_outputs(name, tmp_path):
    check("SavedModel", name, tmp_path)


@every_case("LiteRT builtins")
def test_litert_gives_equal_outputs_with_builtins(name, tmp_path):
    check("LiteRT builtins", name, tmp_path)


@every_case("ONNX")
def test_onnx_gives_equal_outputs(name, tmp_path):
    check("ONNX", name, tmp_path)
