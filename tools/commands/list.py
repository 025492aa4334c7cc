"""`tfrecvis list`: tasks, models, layers, presets and recipes, a line each.

Reads the sources instead of importing them, so that it does not wait for TensorFlow.
"""

import ast
import json
from pathlib import Path

from tfrecvis.tools.runs.recipe import find_recipe, header, recipe_names
from tfrecvis.tools.task import task_names


def add_arguments(parser):
    """Adds the arguments of the sub-command: none."""


def run(options):
    """Runs the sub-command."""
    print(listing())


def listing():
    """Returns the text that the sub-command prints.

    Example:

    >>> print(listing().splitlines()[0])
    tasks
    """
    sections = {
        "tasks": tasks(),
        "models": documented("tfrecvis.models", ast.FunctionDef),
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


def tasks():
    """Returns the tasks, with the first sentence of their files."""
    import pkgutil

    from tfrecvis.tools import tasks as room

    texts = {}
    for module in pkgutil.iter_modules(room.__path__):
        file = Path(module.module_finder.path, f"{module.name}.py")
        texts[module.name] = _first_line_of(ast.parse(file.read_text(encoding="utf-8")))
    return {name: texts[name].partition(": ")[2] for name in task_names()}


def documented(package, kind=ast.ClassDef):
    """Returns the public classes of a package, with their first sentences.

    Args:
        package: String, such as "tfrecvis.layers".
        kind: `ast.ClassDef`, or `ast.FunctionDef` for functions named like classes.

    Example:

    >>> "MDLSTM" in documented("tfrecvis.layers")
    True
    """
    tree = _tree(package)
    public = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    found = {}
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom):
            continue
        for name in (alias.name for alias in node.names):
            if name not in public or not name[0].isupper():
                continue
            text = _first_line(node.module, name, kind)
            if text:
                found[name] = text.removeprefix(f"{name}: ")
    return dict(sorted(found.items()))


def presets():
    """Returns the presets with their descriptions."""
    folder = _path("tfrecvis.models.presets").parent
    cards = sorted(folder.glob("*/model.json"))
    return {
        card.parent.name: json.loads(card.read_text(encoding="utf-8"))["description"]
        for card in cards
    }


def _path(module):
    import importlib.util

    # `find_spec` of a deeper module would import the packages above it.
    root, room, *rest = module.split(".")
    folder = Path(importlib.util.find_spec(f"{root}.{room}").origin).parent
    path = folder.joinpath(*rest)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _tree(module):
    return ast.parse(_path(module).read_text(encoding="utf-8"))


def _first_line_of(node):
    return (ast.get_docstring(node) or "").partition("\n")[0]


def _first_line(module, name, kind):
    """The first line of the docstring of a class or function."""
    for node in _tree(module).body:
        if getattr(node, "name", None) == name:
            return _first_line_of(node) if isinstance(node, kind) else ""
        if isinstance(node, ast.ImportFrom) and any(a.name == name for a in node.names):
            return _first_line(node.module, name, kind)
    return ""
