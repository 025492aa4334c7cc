"""A missing library of an extra is named, with the command that installs it."""

import sys

import pytest

from tfrecvis.optional import DISTRIBUTIONS, optional_import


def test_a_module_that_is_installed_is_returned():
    import json.decoder

    assert optional_import("json.decoder", "data", "Notes") is json.decoder


@pytest.mark.parametrize(
    ("module", "name"),
    [("matplotlib.figure", "matplotlib"), ("PIL.Image", DISTRIBUTIONS["PIL"])],
)
def test_a_missing_library_is_named_with_the_command(module, name, monkeypatch):
    library = module.partition(".")[0]
    monkeypatch.setitem(sys.modules, library, None)  # as if it were not installed
    with pytest.raises(ImportError) as caught:
        optional_import(module, extra="plots", what="Pictures")
    assert str(caught.value) == (
        f"Pictures need {name}, which is not installed. "
        "Install it: pip install 'tfrecvis[plots]'"
    )
    assert caught.value.name == library


def test_a_library_that_lacks_one_of_its_own_says_which(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import no_such_library")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="'no_such_library'"):
        optional_import("half_installed", extra="plots", what="Pictures")


def test_a_submodule_that_a_library_lacks_is_not_called_a_missing_library():
    with pytest.raises(ModuleNotFoundError, match=r"'json\.no_such_module'"):
        optional_import("json.no_such_module", extra="plots", what="Pictures")
