"""All cases, from every file of `cases/`: the sweep needs no list of its own."""

import importlib
import pkgutil
from pathlib import Path

FILES = sorted(
    module.name for module in pkgutil.iter_modules([Path(__file__).parent / "cases"])
)
CASES = {
    name: case
    for file in FILES
    for name, case in importlib.import_module(f"conformance.cases.{file}").CASES.items()
}
