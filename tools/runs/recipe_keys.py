"""The keys of a recipe's [training] table: their defaults, and what they may be."""

import json
from typing import Any, NamedTuple

from tfrecvis.tools.errors import UserError, nearest


class Key(NamedTuple):
    """One key of [training].

    Fields:
        default: Its value where the recipe says nothing; its type is the key's.
        what: String, what it is for.
        choices: Tuple of the values that it may have, or None.
        positive: Boolean; whether zero is refused.
        below: Float that a number must stay below, or None.
    """

    default: Any
    what: str
    choices: tuple | None = None
    positive: bool = False
    below: float | None = None


# What every task knows. A task adds its own in `training_keys`.
TRAINING = {
    "epochs": Key(30, "passes over the data", positive=True),
    "steps": Key(0, "batches per epoch at most; 0: all"),
    "batch_size": Key(8, "samples per step", positive=True),
    "optimizer": Key("adamw", "", ("adamw", "adam", "sgd", "adadelta")),
    "learning_rate": Key(1e-3, "the highest of the schedule", positive=True),
    "backbone_learning_rate": Key(1.0, "of the backbone: a share of learning_rate"),
    "schedule": Key("cosine", "", ("cosine", "constant")),
    "warmup": Key(0.0, "epochs in which the learning rate grows from zero"),
    "weight_decay": Key(0.0, "of kernels, not of biases and norms"),
    "clipnorm": Key(0.0, "of all gradients together; 0: none"),
    "ema_momentum": Key(0.0, "of the weights' moving average; 0: none", below=1.0),
    "seed": Key(0, "of weights, batches and dropout", below=2**32),
    "from": Key(
        "", "preset, run or .keras file whose weights the training begins with"
    ),
    "mixed_precision": Key("none", "", ("float16", "bfloat16", "none")),
    "jit_compile": Key("auto", "whether XLA compiles the steps", (True, False, "auto")),
}


def check_training(given, known):
    """Returns the [training] table with every key spelt out.

    Args:
        given: Dict, the table as the recipe has it.
        known: Dict of names to `Key`.

    Raises:
        UserError: a key is unknown (the nearest one is named), or a value is of
            another type or out of range.

    Example:

    >>> check_training({"epochs": 3}, {"epochs": Key(30, "passes", positive=True)})
    {'epochs': 3}
    """
    for name, value in given.items():
        if name not in known:
            raise UserError(
                f"Unknown key `{name}` in [training]. {nearest(name, list(known))}"
            )
        _check_value(name, value, known[name])
    defaults = {name: key.default for name, key in known.items()}
    typed = {
        name: float(value) if isinstance(known[name].default, float) else value
        for name, value in given.items()
    }
    return {**defaults, **typed}


def _check_value(name, value, key):
    if key.choices is not None:
        # `in` alone would take 1 for True.
        if type(value) is int or value not in key.choices:
            words = ", ".join(json.dumps(choice) for choice in key.choices)
            raise UserError(
                f"training.{name} must be one of {words}. Received: {value!r}."
            )
        return
    if isinstance(key.default, str):
        if not isinstance(value, str):
            raise UserError(f"training.{name} must be a string. Received: {value!r}.")
        return
    whole = isinstance(key.default, int)
    number = isinstance(value, int if whole else (int, float))
    if isinstance(value, bool) or not number:
        raise UserError(
            f"training.{name} must be {'an integer' if whole else 'a number'}. "
            f"Received: {value!r}."
        )
    if key.positive and not value > 0:
        raise UserError(f"training.{name} must be positive. Received: {value}.")
    if not value >= 0:
        raise UserError(f"training.{name} must not be negative. Received: {value}.")
    if key.below is not None and not value < key.below:
        raise UserError(
            f"training.{name} must be below {key.below:g}. Received: {value}."
        )
