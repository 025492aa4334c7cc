"""Recipes: TOML files that say what is trained, on what, and how.

The header of a shipped recipe states its command, hardware, duration and score. Below
it stands what is learnt, one of `TASKS`; a recipe that says nothing is segmentation:

    task = "sequences"

The tables hold one level of keys; what the first three may hold is said in the file
of the task, `tfrecvis.tools.tasks`:

    [model]         arguments of the task's model
    [data]          `reader` and its arguments
    [augmentation]  how images are varied; absent: not at all
    [training]      the keys of `TRAINING`
"""

import difflib
import inspect
import json
import os
import tomllib
from pathlib import Path

from tfrecvis.tools.errors import UserError

RECIPES = Path(__file__).parent / "recipes"
TABLES = ("model", "data", "augmentation", "training")
SEGMENTATION = "segmentation"  # of a recipe that names no task
TASKS = (SEGMENTATION, "sequences", "classification", "superpixels")
# Readers that draw their data.
DRAWN = ("synthetic", "memorisation", "addition")

# Every key of [training] with its default.
TRAINING = {
    "epochs": 30,
    "batch_size": 8,
    "optimizer": "adamw",  # adamw, adam, sgd or adadelta
    "learning_rate": 1e-3,
    "schedule": "cosine",  # cosine or constant
    "warmup": 0.0,  # epochs
    "weight_decay": 0.0,
    "clipnorm": 0.0,  # of all gradients together; 0: none
    "ema_momentum": 0.0,  # 0: no moving average of the weights
    "class_weights": "none",  # median or none
    "class_weights_power": 1.0,
    "label_smoothing": 0.0,
    "seed": 0,
    "mixed_precision": "none",  # float16, bfloat16 or none
    "jit_compile": "auto",  # true, false or auto
}
_CHOICES = {
    "optimizer": ("adamw", "adam", "sgd", "adadelta"),
    "schedule": ("cosine", "constant"),
    "class_weights": ("median", "none"),
    "mixed_precision": ("float16", "bfloat16", "none"),
    "jit_compile": (True, False, "auto"),
}
_POSITIVE = ("epochs", "batch_size", "learning_rate")
_FRACTIONS = ("ema_momentum", "label_smoothing")


def nearest(name, known):
    """Returns a sentence that names the nearest of the known names.

    Example:

    >>> nearest("epoch", ["epochs", "seed"])
    'Did you mean `epochs`?'
    >>> nearest("zzz", ["epochs", "seed"])
    'Known: epochs, seed.'
    """
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean `{close[0]}`?" if close else f"Known: {', '.join(known)}."


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
        Dict of `task` and the tables; `training` holds every key of `TRAINING`.

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
    settings = [_parse_setting(setting) for setting in settings]
    task = recipe.pop("task", SEGMENTATION)
    if task not in TASKS:
        raise UserError(
            f"The recipe {path} has an unknown task {task!r}. "
            + nearest(str(task), TASKS)
        )
    for table, keys in recipe.items():
        if table not in TABLES:
            raise UserError(
                f"The recipe {path} holds an unknown table [{table}]. "
                + nearest(table, TABLES)
            )
        if not isinstance(keys, dict):
            raise UserError(
                f"`{table}` of the recipe {path} must be a table: write [{table}] "
                "and its keys below it."
            )
    for table in ("model", "data"):
        recipe.setdefault(table, {})
    for table, key, value in settings:
        recipe.setdefault(table, {})[key] = value
    if data is not None:
        set_path(recipe, data)
    recipe["training"] = _check_training(recipe.get("training", {}))
    return {"task": task, **recipe}


def set_path(recipe, path):
    """Sets `data.path` of a recipe.

    Raises:
        UserError: the recipe makes its data.

    Example:

    >>> recipe = {"data": {"reader": "folder"}}
    >>> set_path(recipe, "there")
    >>> recipe["data"]["path"]
    'there'
    """
    if recipe["data"].get("reader") in DRAWN:
        raise UserError("The recipe makes its data: leave out --data.")
    recipe["data"]["path"] = str(path)


def _parse_setting(setting):
    name, equals, text = setting.partition("=")
    table, dot, key = name.strip().partition(".")
    if not (equals and dot and key):
        raise UserError(
            f"--set takes TABLE.KEY=VALUE, as in training.epochs=3. Received: {setting}"
        )
    if table not in TABLES:
        raise UserError(f"--set {setting}: unknown table. {nearest(table, TABLES)}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    return table, key, value


def _check_training(given):
    for key, value in given.items():
        if key not in TRAINING:
            raise UserError(
                f"Unknown key `{key}` in [training]. {nearest(key, list(TRAINING))}"
            )
        if key in _CHOICES:
            # `in` alone would take 1 for True.
            if not any(value is c or value == c for c in _CHOICES[key]) or (
                type(value) is int
            ):
                words = ", ".join(json.dumps(choice) for choice in _CHOICES[key])
                raise UserError(
                    f"training.{key} must be one of {words}. Received: {value!r}."
                )
            continue
        whole = isinstance(TRAINING[key], int)
        if isinstance(value, bool) or not isinstance(
            value, int if whole else (int, float)
        ):
            raise UserError(
                f"training.{key} must be {'an integer' if whole else 'a number'}. "
                f"Received: {value!r}."
            )
        if key in _POSITIVE and not value > 0:
            raise UserError(f"training.{key} must be positive. Received: {value}.")
        if not value >= 0:
            raise UserError(f"training.{key} must not be negative. Received: {value}.")
        if key == "seed" and value >= 2**32:
            raise UserError(f"training.seed must be below 2^32. Received: {value}.")
        if key in _FRACTIONS and not value < 1:
            raise UserError(f"training.{key} must lie in [0, 1). Received: {value}.")
    typed = {
        key: float(value) if isinstance(TRAINING[key], float) else value
        for key, value in given.items()
    }
    return {**TRAINING, **typed}


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
    for table in TABLES:
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
    for table in TABLES:
        if table in recipe:
            lines += ["", f"[{table}]"]
            # JSON's strings, numbers, booleans and lists are TOML's too.
            lines += [
                f"{key} = {json.dumps(value, ensure_ascii=False)}"
                for key, value in recipe[table].items()
            ]
    temporary = Path(f"{path}.partial")
    temporary.write_text("\n".join(lines).lstrip() + "\n", encoding="utf-8")
    os.replace(temporary, path)
