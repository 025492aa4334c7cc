"""Each room says what is public, and every public name carries an example that runs."""

import doctest
import importlib
import inspect

import pytest
from architecture import project

import tfrecvis

# tools is a command; nothing in it is imported by users.
ROOMS = sorted(
    name
    for name, file in project.modules().items()
    if file.name == "__init__.py" and project.room(name) not in (None, "tools")
)

# Public names without an example, each with its reason.
WITHOUT_EXAMPLE = {}


def has_running_example(thing):
    module = importlib.import_module(thing.__module__)
    tests = doctest.DocTestFinder(exclude_empty=True).find(module, module.__name__)
    name = f"{thing.__module__}.{thing.__qualname__}"
    return any(test.name == name and test.examples for test in tests)


def is_shown(thing):
    """Whether a public object has the docstring and the example that it owes."""
    if inspect.ismodule(thing):
        return bool(thing.__doc__)  # its names carry the examples
    if not callable(thing):
        return True  # a constant, explained where it is defined
    if not inspect.getdoc(thing):
        return False
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return True  # shown by the functions that raise it
    return thing.__qualname__ in WITHOUT_EXAMPLE or has_running_example(thing)


@pytest.mark.parametrize("name", ROOMS)
def test_public_names_are_unique_and_importable(name):
    room = importlib.import_module(name)  # ruff keeps them sorted (RUF022)
    assert len(room.__all__) == len(set(room.__all__))
    assert [public for public in room.__all__ if not hasattr(room, public)] == []


@pytest.mark.parametrize("name", ROOMS)
def test_every_room_says_what_it_holds(name):
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("name", ROOMS)
def test_every_public_name_has_a_docstring_with_an_example_that_runs(name):
    room = importlib.import_module(name)
    assert [
        public for public in room.__all__ if not is_shown(getattr(room, public))
    ] == []


def test_a_name_without_an_example_would_be_found():
    assert not is_shown(project.lines)  # no docstring
    assert not is_shown(project.room)  # no example


@pytest.mark.parametrize("name", tfrecvis.__all__)
def test_top_level_name_resolves(name):
    assert getattr(tfrecvis, name) is not None
    assert name in dir(tfrecvis)


def test_unknown_top_level_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'model'"):
        _ = tfrecvis.model
