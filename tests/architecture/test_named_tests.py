"""Whoever reads a public class finds its tests under its name."""

import importlib

import pytest
from architecture import project

ROOMS = ("export", "layers", "losses", "metrics", "models")


def public_classes(room):
    """Public names that are called and capitalised; exceptions are left out.

    A model of `tfrecvis.models` is a function with the name of a class.
    """
    module = importlib.import_module(f"tfrecvis.{room}")
    public = {name: getattr(module, name) for name in module.__all__}
    return [
        name
        for name, thing in public.items()
        if callable(thing)
        and name[0].isupper()
        and not (isinstance(thing, type) and issubclass(thing, Exception))
    ]


def without_a_file(classes, files):
    """The classes that no file is named after: `RowLSTM` has `test_row_lstm.py`."""
    tested = {file.stem.removeprefix("test_").replace("_", "") for file in files}
    return [name for name in classes if name.lower() not in tested]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_class_has_a_test_file_of_its_name(room):
    files = (project.ROOT / "tests" / room).glob("test_*.py")
    assert without_a_file(public_classes(room), files) == []


def test_a_class_without_a_file_would_be_found():
    files = [project.ROOT / "test_row_lstm.py", project.ROOT / "test_lstm_bad_input.py"]
    assert without_a_file(["RowLSTM", "LSTM"], files) == ["LSTM"]
