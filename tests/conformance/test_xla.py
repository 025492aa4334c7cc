"""Every layer under XLA."""

from conformance.columns import check, every_case


@every_case("XLA")
def test_xla_gives_equal_outputs_and_gradients(name, tmp_path):
    check("XLA", name, tmp_path)
