"""Checks of plain values and arrays, for every room of the package."""

import math
import reprlib
from numbers import Integral, Real

import numpy as np


def check_integer(name, value, least=1):
    """Refuse what is no integer of at least `least`, True and False included.

    Example:

    >>> check_integer("units", 0)
    Traceback (most recent call last):
    ValueError: `units` must be an integer of at least 1. Received: units=0.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. "
            f"Received: {name}={value!r}."
        )


def check_number(name, value, positive=False):
    """Refuse what is no finite number, is negative, or, with `positive`, is zero.

    Example:

    >>> check_number("compactness", "10", positive=True)
    Traceback (most recent call last):
    ValueError: `compactness` must be a finite number above 0. Received: \
compactness='10'.
    """
    fits = isinstance(value, Real) and not isinstance(value, bool)
    if not fits or not 0 <= value < math.inf or (positive and value == 0):
        raise ValueError(
            f"`{name}` must be a finite number {'above 0' if positive else 'from 0'}. "
            f"Received: {name}={value!r}."
        )


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
