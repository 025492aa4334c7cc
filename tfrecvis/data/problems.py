"""What cannot be used: how readers name it, count it and say it."""

import warnings
from typing import NamedTuple

import numpy as np

VOID = 255

_LINES = 20  # the most that a message prints


class Problem(NamedTuple):
    """A file that cannot be used, and why.

    Example:

    >>> Problem("train/a.jpg", "has no label map").reason
    'has no label map'
    """

    file: str
    reason: str


class DataError(ValueError):
    """Data cannot be used as they are.

    Attributes:
        text: String, what is wrong.
        hint: String, what to do about it in Python. Programs with other users, such as
            a command, say it in their own words.
        problems: List of `Problem`, where files are at fault.
    """

    def __init__(self, text, hint="", problems=()):
        super().__init__(
            f"{text.rstrip()}\n{hint}" if "\n" in text else _line(text, hint)
        )
        self.text = text.rstrip()
        self.hint = hint
        self.problems = list(problems)


def _line(text, hint):
    return f"{text} {hint}".strip()


def problem_lines(problems, most=_LINES - 2):
    """Problems as text, one per line, and how many more there are.

    Args:
        problems: List of `Problem`.
        most: Integer, the most lines.

    Returns:
        List of at most `most` strings.

    Example:

    >>> problem_lines([Problem(f"{number}.png", "is empty") for number in range(9)], 3)
    ['  0.png: is empty', '  1.png: is empty', '  and 7 more, in `problems`']
    """
    lines = [f"  {problem.file}: {problem.reason}" for problem in problems]
    if len(lines) > most:
        left = len(lines) - most + 1
        lines[most - 1 :] = [f"  and {left} more, in `problems`"]
    return lines


def report_problems(problems, total, where, strict):
    """Says which files are left out: a warning, or an error when `strict`.

    Args:
        problems: List of `Problem`.
        total: Integer, the files that were looked at.
        where: String that names the data set.
        strict: Boolean.

    Raises:
        DataError: `strict`, or no file is left.

    Example:

    >>> report_problems([], total=3, where="data/train", strict=True)
    """
    if not problems:
        return
    bad = len({problem.file for problem in problems})
    listing = "\n".join(problem_lines(problems))
    text = f"{bad} of {total} files of {where} cannot be used:\n{listing}\n"
    if strict:
        hint = "Fix or remove them, or pass strict=False to go on without them."
        raise DataError(text, hint, problems)
    if bad >= total:
        raise DataError(text, "Nothing is left to read.", problems)
    warnings.warn(text + f"Going on with {total - bad}.", stacklevel=3)


def find_label_problem(labels, num_classes, void=VOID):
    """What is wrong with the values of a label map, or None.

    Args:
        labels: `(height, width)` integers.
        num_classes: Integer or None when any class below `void` is fine.
        void: Integer.

    Example:

    >>> find_label_problem(np.array([[0, 7, 7, 255]]), num_classes=5)
    'has 2 pixels with values outside 0..4 and 255 (void): 7'
    """
    limit = void if num_classes is None else num_classes
    wrong = labels[((labels < 0) | (labels >= limit)) & (labels != void)]
    if not wrong.size:
        return None
    values = np.unique(wrong)
    shown = ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
    return (
        f"has {wrong.size} pixels with values outside 0..{limit - 1} and {void} "
        f"(void): {shown}"
    )
