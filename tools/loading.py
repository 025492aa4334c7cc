"""What `evaluate`, `predict` and `export` take for MODEL, by whatever name.

A preset's name, a run's directory, or a `.keras` file with its card beside it; also,
but for exporting, a SavedModel folder, a `.tflite` or an `.onnx` file. All become a
task and a `Predictor`.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any, NamedTuple

from tfrecvis.tools.errors import UserError, nearest
from tfrecvis.tools.files import first_line, read_json
from tfrecvis.tools.task import task_class


class Loaded(NamedTuple):
    """A model by any name, with its task.

    Fields:
        task: A `tfrecvis.tools.task.Task`, made of the card's recipe.
        predictor: A `tfrecvis.export.Predictor`.
        signatures: List of `tfrecvis.models.Signature` of a Keras model; else None.
    """

    task: Any
    predictor: Any
    signatures: Any = None


def load(name):
    """Loads MODEL.

    Args:
        name: String, as the user typed it.

    Returns:
        A `Loaded`.

    Raises:
        UserError: nothing of this name, or it cannot be loaded.
    """
    path = keras_file(name)
    if path is None and Path(name).exists():
        return _load_artefact(Path(name))
    if path is None:
        path = _preset_file(name)
    return from_keras(load_keras_model(path), read_card(path))


def from_keras(model, card):
    """Returns the `Loaded` of a Keras model and its card."""
    from tfrecvis.export import keras_predictor

    task = task_of(card, "The model")
    try:
        signatures = task.signatures(model)
    except ValueError as error:
        raise UserError(f"The model does not fit its card: {error}") from error
    return Loaded(task, keras_predictor(signatures, card), signatures)


def task_of(card, what):
    """Returns the task that a card names.

    Raises:
        UserError: the card names none.
    """
    recipe = card.get("recipe")
    if not recipe or "task" not in recipe:
        raise UserError(
            f"{what} does not say what it was trained for: a card, model.json, with "
            '"recipe" and its "task" is missing. `tfrecvis train` writes one beside '
            "model.keras; exports by `tfrecvis export` carry it inside."
        )
    return task_class(recipe["task"])(recipe, card)


def keras_file(name):
    """Returns the path of the Keras model that MODEL names, or None for another kind.

    Raises:
        UserError: a run's directory without a model.
    """
    path = Path(name)
    if path.is_dir() and (path / "recipe.toml").is_file():
        path = path / "model.keras"
        if not path.is_file():
            raise UserError(
                f"The run {name} holds no model yet: its first epoch is not done. Go "
                f"on with `tfrecvis train --resume {name}`."
            )
    elif path.is_dir() and (path / "model.keras").is_file():
        path = path / "model.keras"
    return path if path.suffix == ".keras" and path.is_file() else None


def read_card(path):
    """Returns the card beside a Keras file.

    Raises:
        UserError: there is none.
    """
    card = path.with_suffix(".json")
    if not card.is_file():
        card = path.with_name("model.json")
    if not card.is_file():
        raise UserError(
            f"There is no card beside {path}, neither {path.stem}.json nor model.json: "
            "it says what the model was trained for. `tfrecvis train` writes one; copy "
            "both files together."
        )
    return read_json(card)


def portable(card):
    """Returns a card without the paths of the machine that the model was trained on."""
    card = json.loads(json.dumps(card))
    data = card.get("recipe", {}).get("data", {})
    for key in ("path", "data_dir"):
        data.pop(key, None)
    return card


def load_keras_model(path):
    """Returns the model of a `.keras` file.

    Raises:
        UserError: it cannot be loaded.
    """
    import keras

    import tfrecvis  # noqa: F401  registers the layers that the file names

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds on files that are not its own
        raise UserError(f"{path} cannot be loaded: {first_line(error)}") from error


def _load_artefact(path):
    from tfrecvis.export import load_artefact

    if path.is_file() and path.suffix not in (".tflite", ".onnx"):
        raise UserError(
            f"MODEL is a preset's name, a run's directory, a SavedModel folder, or a "
            f"file that ends in .keras, .tflite or .onnx. Received: {path}."
        )
    try:
        predictor = load_artefact(path)
    except ImportError as error:
        raise UserError(first_line(error, 500)) from error
    except Exception as error:  # each runtime has kinds of its own for a broken file
        line = first_line(error)
        named = line if str(path) in line else f"{path} cannot be loaded: {line}"
        raise UserError(named) from error
    task = task_of(predictor.card, str(path))
    _check_default(path, predictor)
    return Loaded(task, predictor)


def _check_default(path, predictor):
    """Refuses a file of one part of a model, such as `model_step.onnx`."""
    from tfrecvis.export.predictor import DEFAULT

    if DEFAULT not in predictor.signatures:
        raise UserError(
            f"{path} holds only {' and '.join(predictor.signatures)}, a part of the "
            f"model, for programs of your own. Name a file with {DEFAULT}, the whole "
            "answer: report.md lists the files."
        )


def _preset_file(name):
    # Not `preset_names`, which waits for Keras: a typing error is told at once.
    folder = Path(importlib.util.find_spec("tfrecvis.models").origin).parent / "presets"
    names = sorted(card.parent.name for card in folder.glob("*/model.json"))
    if name not in names:
        raise UserError(
            f"There is no model `{name}`, neither a path nor a preset. "
            + nearest(name, names)
        )
    return folder / name / "model.keras"
