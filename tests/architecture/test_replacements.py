"""What the README names in place of tensorflow-addons is there."""

import importlib
import re

import pytest
from architecture import project

SECTION = re.compile(r"^## From tensorflow-addons\n(.*?)^## ", re.M | re.S)
NAMES = re.compile(r"\b(?:keras|tfrecvis)(?:\.\w+)+")


def named(text):
    """Dotted names of keras and tfrecvis in the table of replacements."""
    rows = [line for line in SECTION.search(text)[1].splitlines() if line[:1] == "|"]
    return sorted({name for row in rows for name in NAMES.findall(row)})


def thing(name):
    """What a dotted name stands for."""
    first, *rest = name.split(".")
    found = importlib.import_module(first)
    for number, part in enumerate(rest):
        if first == "tfrecvis" and number == 0:
            found = importlib.import_module(f"tfrecvis.{part}")
        else:
            found = getattr(found, part)
    return found


def test_every_replacement_of_tensorflow_addons_exists():
    names = named((project.ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(names) > 20
    assert all(thing(name) is not None for name in names)


def test_a_missing_replacement_would_be_found():
    text = "## From tensorflow-addons\n| a | `keras.losses.Npairs` |\n## More\n"
    assert named(text) == ["keras.losses.Npairs"]
    with pytest.raises(AttributeError):
        thing("keras.losses.Npairs")
