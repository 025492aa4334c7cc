"""From the [data] table of a recipe to readers; what is wrong with the data, aloud."""

import inspect
import sys
import warnings

from tfrecvis.tools.errors import UserError, nearest
from tfrecvis.tools.runs.recipe import check_arguments

_OURS = ("reader", "train_split", "val_split", "train_count", "val_count")
_SHOWN = 10  # files that cannot be used, by name


def open_reader(data, split, readers, strict=False):
    """Returns the reader of one split, after reporting what it left out.

    Args:
        data: Dict, the [data] table.
        split: String.
        readers: Dict of the names that `data.reader` may have to the readers' classes
            in `tfrecvis.data`.
        strict: Boolean; unusable files are an error.

    Raises:
        UserError: the table or what it names is wrong.
    """
    from tfrecvis import data as room

    kind = data.get("reader")
    if kind not in readers:
        raise UserError(
            f"data.reader must be one of {', '.join(readers)}. Received: {kind!r}. "
            + nearest(str(kind), list(readers))
        )
    reader_class = getattr(room, readers[kind])
    known = list(inspect.signature(reader_class).parameters)
    if "builder" in known:
        known.remove("builder")  # an object, which no recipe can hold
    check_arguments("data", data, [*(k for k in known if k != "split"), *_OURS])
    arguments = {key: value for key, value in data.items() if key not in _OURS}
    arguments["split"] = split
    if "path" in known and "path" not in arguments:
        raise UserError(
            "data.path is not set: add --data PATH, the folder that holds the splits."
        )
    training = split == data.get("train_split", "train")
    count = data.get("train_count" if training else "val_count")
    draws = "count" in known  # such a reader makes as many as it is asked for
    if draws and count is not None:
        arguments["count"] = count
    if "strict" in known:
        arguments["strict"] = strict
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `report_problems` says it in full
            reader = reader_class(**arguments)
        report_problems(reader, split)
        return reader if draws or count is None else reader.subset(count)
    except (ValueError, OSError, TypeError, ImportError) as error:
        raise UserError(_message(error, strict)) from error


def _message(error, strict):
    problems = getattr(error, "problems", None)
    if not problems:
        return f"The data cannot be used: {error}"
    lines = _grouped(problems)
    more = len(lines) - _SHOWN
    lines = [*lines[:_SHOWN], *[f"and {more} more"] * (more > 0)]
    remedy = (
        "Fix or remove them, or leave out --strict to go on without them"
        if strict
        else "Nothing is left of the data. If the files are right, the recipe's [data] "
        "does not fit them (data.class_names, data.ignore)"
    )
    count = len({problem.file for problem in problems})
    return f"{count} files of the data cannot be used. {remedy}: {'; '.join(lines)}."


def _grouped(problems):
    """A line for each reason: its first file, and how many others have it."""
    files = {}
    for problem in problems:
        files.setdefault(problem.reason, []).append(problem.file)
    lines = []
    for reason, found in files.items():
        others = len(set(found)) - 1
        line = f"{found[0]}{f' and {others} more' if others else ''}: {reason}"
        lines.append(
            line if len(found) == others + 1 else f"{line} ({len(found)} times)"
        )
    return lines


def report_problems(reader, split, stream=None):
    """Prints how many files the reader left out, and which and why.

    Args:
        reader: Any reader; see `tfrecvis.data`.
        split: String, for the message.
        stream: Text file; default: the standard error.
    """
    problems = reader.problems
    if not problems:
        return
    stream = stream or sys.stderr
    print(f"{split}: {len(problems)} problems, {len(reader)} samples used", file=stream)
    for line in _grouped(problems):
        print(f"  {line}", file=stream)
