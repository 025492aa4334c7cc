"""Recipes: TOML files that say what is trained, on what, and how.

The header of a shipped recipe states its command, hardware, duration and score. Below
it stands what is learnt, one of the tasks of `tfrecvis.tools.tasks`:

    task = "sequences"

The tables hold one level of keys:

    [model]     arguments of the task's model
    [data]      `reader` and its arguments
    [training]  the keys of `tfrecvis.tools.runs.recipe_keys.TRAINING` and the task's
    [demo]      what `tfrecvis demo` compares: see `tfrecvis.tools.commands.demo`

A task may have tables of its own, such as [augmentation]. Its file says which, and what
[model] and [data] may hold.
"""

import inspect
import json
import tomllib
from pathlib import Path

from tfrecvis.tools.errors import UserError, nearest
from tfrecvis.tools.files import write_text
from tfrecvis.tools.runs.recipe_keys import TRAINING, check_training
from tfrecvis.tools.task import task_class, task_names

RECIPES = Path(__file__).parents[1] / "recipes"
TABLES = ("model", "data", "training", "demo")


def recipe_names():
    """Returns the names of the recipes that come with the package.

    Example:

    >>> "synthetic_reseg" in recipe_names()
    True
    """
    return sorted(file.stem for file in RECIPES.glob("*.toml"))


def find_recipe(name):
    """Returns the path of a recipe: a file, or one that comes with the package.

    Raises:
        UserError: neither a file nor a known name.

    Example:

    >>> find_recipe("synthetic_reseg").name
    'synthetic_reseg.toml'
    """
    if Path(name).is_file():
        return Path(name)
    if name in recipe_names():
        return RECIPES / f"{name}.toml"
    raise UserError(
        f"There is no recipe `{name}`, neither a file nor one of the package's. "
        + nearest(name, recipe_names())
    )


def header(path):
    """Returns the comment lines on top of a recipe, without their `#`.

    Example:

    >>> len(header(find_recipe("synthetic_reseg"))) > 3
    True
    """
    lines = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("#").strip())
    return lines


def read_recipe(path, settings=(), data=None):
    """Reads and checks a recipe.

    Args:
        path: The TOML file.
        settings: Strings `table.key=value` that override keys. The value is TOML; a
            bare word is taken for a string.
        data: Path of the data, which sets `data.path`, or None.

    Returns:
        Dict of `task` and the tables; `training` holds every key that the task knows.

    Raises:
        UserError: not TOML, an unknown task, table or key (the nearest one is
            named), a value of the wrong type or out of range.

    Example:

    >>> path = find_recipe("synthetic_reseg")
    >>> read_recipe(path, ["training.epochs=3"])["training"]["epochs"]
    3
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        recipe = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} is not valid TOML: {error}.") from error
    if "task" not in recipe:
        raise UserError(
            f'The recipe {path} names no task: write, for instance, task = "'
            f'{task_names()[0]}" on top. Known: {", ".join(task_names())}.'
        )
    return change_recipe(recipe, settings, data, f"The recipe {path}")


def change_recipe(recipe, settings=(), data=None, where="The recipe"):
    """Returns a checked copy of a recipe with some keys changed.

    Args:
        recipe: Dict of `task` and tables.
        settings: Strings `table.key=value`; see `read_recipe`.
        data: Path of the data, which sets `data.path`, or None.
        where: String, the recipe in messages.

    Raises:
        UserError: see `read_recipe`.

    Example:

    >>> recipe = read_recipe(find_recipe("synthetic_reseg"))
    >>> change_recipe(recipe, ["model.context=conv"])["model"]["context"]
    'conv'
    """
    recipe = json.loads(json.dumps(recipe))
    task = task_class(recipe.pop("task"))
    name = task.__module__.rpartition(".")[2]
    tables = (*TABLES, *task.tables)
    for table, keys in recipe.items():
        if table not in tables:
            raise UserError(
                f"{where} holds an unknown table [{table}]. {nearest(table, tables)}"
            )
        if not isinstance(keys, dict):
            raise UserError(
                f"`{table}` of {where[0].lower()}{where[1:]} must be a table: write "
                f"[{table}] and its keys below it."
            )
    for table in ("model", "data", "training"):
        recipe.setdefault(table, {})
    for table, key, value in (_parse_setting(text, tables) for text in settings):
        recipe.setdefault(table, {})[key] = value
    if data is not None:
        if recipe["data"].get("reader") in task.drawn:
            raise UserError("The recipe makes its data: leave out --data.")
        recipe["data"]["path"] = str(data)
    known = {**TRAINING, **task.training_keys}
    recipe["training"] = check_training(recipe["training"], known)
    return {"task": name, **recipe}


def _parse_setting(setting, tables):
    name, equals, text = setting.partition("=")
    table, dot, key = name.strip().partition(".")
    if not (equals and dot and key):
        raise UserError(
            f"--set takes TABLE.KEY=VALUE, as in training.epochs=3. Received: {setting}"
        )
    if table not in tables:
        raise UserError(f"--set {setting}: unknown table. {nearest(table, tables)}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    return table, key, value


def check_arguments(table, given, known):
    """Checks the keys of one table against the arguments they become.

    Raises:
        UserError: a key is unknown; the nearest one is named.

    Example:

    >>> check_arguments("model", {"backbone": "conv"}, ["backbone", "weights"])
    """
    for key in given:
        if key not in known:
            raise UserError(
                f"Unknown key `{key}` in [{table}]. {nearest(key, list(known))}"
            )


def apply_table(recipe, table, function, *arguments, hidden=()):
    """Calls a function with the keys of a table as its arguments.

    Args:
        recipe: Dict.
        table: String.
        function: Function or class.
        *arguments: The first arguments, which no key may set.
        hidden: Names of arguments that no key may set either.

    Raises:
        UserError: a key is unknown, or a value is refused.

    Example:

    >>> apply_table({"model": {"sep": "x"}}, "model", "axb".split, hidden=["maxsplit"])
    ['a', 'b']
    """
    given = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in recipe.get(table, {}).items()
    }
    known = list(inspect.signature(function).parameters)[len(arguments) :]
    check_arguments(table, given, [name for name in known if name not in hidden])
    try:
        return function(*arguments, **given)
    except (ValueError, TypeError, OSError) as error:
        raise UserError(f"[{table}] is wrong: {error}") from error


def differences(old, new):
    """Returns the keys in which two recipes differ, with both values.

    Example:

    >>> differences({"training": {"epochs": 3}}, {"training": {"epochs": 4}})
    ['training.epochs (was 3, now 4)']
    """
    found = []
    if old.get("task") != new.get("task"):
        found.append(f"task (was {old['task']}, now {new['task']})")
    for table in _tables(old, new):
        before, after = old.get(table, {}), new.get(table, {})
        for key in sorted({*before, *after}):
            was, now = before.get(key), after.get(key)
            if was != now:
                was, now = (
                    "absent" if value is None else json.dumps(value)
                    for value in (was, now)
                )
                found.append(f"{table}.{key} (was {was}, now {now})")
    return found


def _tables(*recipes):
    names = [name for recipe in recipes for name in recipe if name != "task"]
    return list(dict.fromkeys(names))


def write_recipe(recipe, path, comments=()):
    """Writes a recipe with every key spelt out; the file appears whole or not at all.

    Example:

    >>> import tempfile
    >>> recipe = read_recipe(find_recipe("synthetic_reseg"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_recipe(recipe, Path(folder, "copy.toml"))
    ...     differences(recipe, read_recipe(Path(folder, "copy.toml")))
    []
    """
    lines = [f"# {line}".rstrip() for line in comments]
    lines += ["", f'task = "{recipe["task"]}"']
    for table in _tables(recipe):
        lines += ["", f"[{table}]"]
        # JSON's strings, numbers, booleans and lists are TOML's too.
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in recipe[table].items()
        ]
    write_text(path, "\n".join(lines).lstrip() + "\n")
