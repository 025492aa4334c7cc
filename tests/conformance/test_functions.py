"""The functions that exports of detectors contain, in every format."""

import pytest
from conformance.case import LIGHT
from conformance.columns import COLUMNS
from conformance.functions import FUNCTIONS

# Of JAX, the layers on these functions are swept; half precision is for layers.
CHECKED = [
    name for name in COLUMNS if name not in ("JAX", "CUDA and TPU", "half precision")
]


COLUMNS_OF_TESTS = [
    pytest.param(name, marks=[pytest.mark.slow] * (name in LIGHT)) for name in CHECKED
]


@pytest.mark.parametrize("column", COLUMNS_OF_TESTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_gives_equal_outputs(name, column, tmp_path):
    COLUMNS[column](name, FUNCTIONS[name], tmp_path)
