"""Every layer under JAX, and lowered there for CUDA and TPU without having one."""

from conformance.backend_run import ONLY_ON_CPUS
from conformance.columns import check, every_case, process_of_jax


@every_case("JAX")
def test_jax_gives_equal_outputs_and_gradients(name, tmp_path):
    check("JAX", name, tmp_path)


@every_case("CUDA and TPU")
def test_jax_lowers_forward_pass_and_gradients_for_cuda_and_tpu(name, tmp_path):
    check("CUDA and TPU", name, tmp_path)


def test_operator_of_cpus_only_is_not_lowered():
    error = process_of_jax(False)[1][ONLY_ON_CPUS]
    assert "'schur' not found for platforms ['cuda', 'tpu']" in error
