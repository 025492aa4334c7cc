"""Every layer in ONNX Runtime."""

from conformance.columns import check, every_case


@every_case("ONNX")
def test_onnx_gives_equal_outputs(name, tmp_path):
    check("ONNX", name, tmp_path)
