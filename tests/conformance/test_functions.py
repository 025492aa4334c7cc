"""The functions that exports of detectors contain, in every format."""

import pytest
from conformance.columns import COLUMNS
from conformance.functions import FUNCTIONS

# Of JAX, the layers on these functions are swept; half precision is for layers.
CHECKED = [name for name in COLUMNS if name not in ("JAX", "half precision")]


@pytest.mark.parametrize("column", CHECKED)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_gives_equal_outputs(name, column, tmp_path):
    COLUMNS[column](name, FUNCTIONS[name], tmp_path)
