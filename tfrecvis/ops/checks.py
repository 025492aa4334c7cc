"""Checks of plain values and arrays, for every room of the package."""

import math
import reprlib
from numbers import Integral, Real

import numpy as np


def check_integer(name, value, least=1, hint=""):
    """Refuse what is no integer of at least `least`, True and False included.

    Args:
        name: String, the argument's name.
        value: Anything.
        least: Integer, or None for integers of any size.
        hint: String, a sentence after the message: what the number is, or what to use.

    Example:

    >>> check_integer("units", 0, hint="The paper has 100.")
    Traceback (most recent call last):
    ValueError: `units` must be an integer of at least 1. Received: units=0. The paper \
has 100.
    """
    if not _is_integer(value, least):
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. "
            f"Received: {name}={value!r}.{_after(hint)}"
        )


def as_integers(name, values, least=1, count=None, hint=""):
    """A tuple of integers, refused as `check_integer` refuses a single one.

    Args:
        name: String, the argument's name.
        values: Anything.
        least: Integer, or None for integers of any size.
        count: Integer, how many they must be, or None.
        hint: String, a sentence after the message.

    Returns:
        Tuple of integers.

    Example:

    >>> as_integers("image_shape", (28, 0, 1), count=3)
    Traceback (most recent call last):
    ValueError: `image_shape` must be a tuple of 3 integers of at least 1. Received: \
image_shape=(28, 0, 1).
    """
    fits = isinstance(values, (tuple, list)) and count in (None, len(values))
    if not fits or not all(_is_integer(value, least) for value in values):
        number = "" if count is None else f"{count} "
        size = "" if least is None else f" of at least {least}"
        raise ValueError(
            f"`{name}` must be a tuple of {number}integers{size}. "
            f"Received: {name}={values!r}.{_after(hint)}"
        )
    return tuple(int(value) for value in values)


def as_pair(name, value):
    """Height and width, given as two integers or as one for both.

    Example:

    >>> as_pair("patch_size", 2), as_pair("patch_size", (2, 3))
    ((2, 2), (2, 3))
    """
    if isinstance(value, (tuple, list)):
        return as_integers(name, value, count=2, hint="They are (height, width).")
    check_integer(name, value, hint="Two integers (height, width) may differ.")
    return (int(value),) * 2


def check_number(name, value, positive=False, below=math.inf, hint=""):
    """Refuse what is no number from 0, or, with `positive`, above 0.

    Args:
        name: String, the argument's name.
        value: Anything.
        positive: Whether zero is refused.
        below: Number that the value must not reach; infinity by default.
        hint: String, a sentence after the message.

    Example:

    >>> check_number("compactness", "10", positive=True)
    Traceback (most recent call last):
    ValueError: `compactness` must be a finite number above 0. Received: \
compactness='10'.
    >>> check_number("dropout", 1.0, below=1)
    Traceback (most recent call last):
    ValueError: `dropout` must be a finite number of at least 0 and below 1. Received: \
dropout=1.0.
    """
    fits = isinstance(value, Real) and not isinstance(value, bool)
    if not fits or not 0 <= value < below or (positive and value == 0):
        least = "above 0" if positive else "of at least 0"
        most = "" if below == math.inf else f" and below {below}"
        raise ValueError(
            f"`{name}` must be a finite number {least}{most}. "
            f"Received: {name}={value!r}.{_after(hint)}"
        )


def check_choice(name, value, choices, hint=""):
    """Refuse what is none of the choices.

    Example:

    >>> check_choice("cell", "rnn", ("lstm", "gru"))
    Traceback (most recent call last):
    ValueError: `cell` must be one of 'lstm', 'gru'. Received: cell='rnn'.
    """
    if value not in tuple(choices):
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, choices))}. "
            f"Received: {name}={value!r}.{_after(hint)}"
        )


def check_flag(name, value):
    """Refuse what is neither True nor False.

    Example:

    >>> check_flag("tied", "no")
    Traceback (most recent call last):
    ValueError: `tied` must be True or False. Received: tied='no'.
    """
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}.")


def check_given(name, value, hint):
    """Refuse None where an argument is needed.

    Example:

    >>> check_given("hidden", None, "Use `layer(images, hidden=hidden)`.")
    Traceback (most recent call last):
    ValueError: `hidden` is missing. Received: hidden=None. Use `layer(images, \
hidden=hidden)`.
    """
    if value is None:
        raise ValueError(f"`{name}` is missing. Received: {name}=None. {hint}")


def as_array(name, value):
    """Lists of numbers, or an array, as an array.

    Example:

    >>> as_array("neighbours", [[1], [0, 2]])
    Traceback (most recent call last):
    ValueError: `neighbours` must be one array, or lists of numbers in rows of one \
length. Received: neighbours=[[1], [0, 2]]. Pad short rows, and stack tensors.
    """
    try:
        array = np.asarray(value)
        fits = array.dtype.kind not in "OUS"
    except (ValueError, TypeError, RuntimeError):  # ragged rows, traced tensors
        fits = False
    if not fits:
        raise ValueError(
            f"`{name}` must be one array, or lists of numbers in rows of one length. "
            f"Received: {name}={reprlib.repr(value)}. Pad short rows, and stack "
            "tensors."
        )
    return array


def _is_integer(value, least):
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    return is_integer and (least is None or value >= least)


def _after(hint):
    return f" {hint}" if hint else ""
