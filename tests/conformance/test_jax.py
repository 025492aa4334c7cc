"""Every layer under JAX."""

from conformance.columns import check, every_case


@every_case("JAX")
def test_jax_gives_equal_outputs_and_gradients(name, tmp_path):
    check("JAX", name, tmp_path)
