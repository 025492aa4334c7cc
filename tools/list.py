"""`tfrecvis list`: models, layers, presets and recipes, a line each.

Reads the sources instead of importing them, so that it does not wait for TensorFlow.
"""

import ast
import importlib.util
from pathlib import Path

from tfrecvis.tools.recipe import find_recipe, header, recipe_names


def run(options):
    """Runs the sub-command."""
    print(listing())


def listing():
    """Returns the text that the sub-command prints.

    Example:

    >>> print(listing().splitlines()[0])
    models
    """
    sections = {
        "models": documented("tfrecvis.models"),
        "layers": documented("tfrecvis.layers"),
        "presets": presets(),
        "recipes": {name: header(find_recipe(name))[0] for name in recipe_names()},
    }
    width = max(len(name) for section in sections.values() for name in section)
    lines = []
    for title, section in sections.items():
        lines.append(title)
        lines += [f"  {name:<{width}}  {text}" for name, text in section.items()]
        lines += [] if section else ["  none"]
    return "\n".join(lines)


def documented(package):
    """Returns the public classes and models of a package, with their first sentence.

    Args:
        package: String, such as "tfrecvis.layers".

    Example:

    >>> "ReSeg" in documented("tfrecvis.models")
    True
    """
    found = {}
    for node in _tree(package).body:
        if not isinstance(node, ast.ImportFrom):
            continue
        for name in (alias.name for alias in node.names if alias.name[0].isupper()):
            text = None if name.isupper() else _first_line(node.module, name)
            if text:
                found[name] = text
    return found


def presets():
    """Returns the presets with their descriptions."""
    for node in _tree("tfrecvis.models.presets").body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "PRESETS":
            table = ast.literal_eval(node.value)
            return {name: entry["description"] for name, entry in table.items()}
    return {}


def _tree(module):
    # `find_spec` of a deeper module would import the packages above it.
    root, room, *rest = module.split(".")
    folder = Path(importlib.util.find_spec(f"{root}.{room}").origin).parent
    path = folder.joinpath(*rest)
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _first_line(module, name):
    """The first line of the docstring of a class or function."""
    for node in _tree(module).body:
        if getattr(node, "name", None) == name:
            return (ast.get_docstring(node) or "").partition("\n")[0]
        if isinstance(node, ast.ImportFrom) and any(a.name == name for a in node.names):
            return _first_line(node.module, name)
    return ""
