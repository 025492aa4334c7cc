"""From the [data] table of a segmentation recipe to readers; what is wrong, aloud.

Keys of [data]:

    reader        "synthetic", "folder" or "tfds"
    train_split   default "train"
    val_split     default "val" ("validation" is tfds' usual word)

and with reader = "synthetic" `train_count`, `val_count`; every other key is an
argument of the reader's class (`SyntheticScenes`, `SegmentationFolder`,
`SegmentationTFDS`).
"""

import inspect
import sys
import warnings

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.recipe import check_arguments, nearest

READERS = {
    "folder": "SegmentationFolder",
    "synthetic": "SyntheticScenes",
    "tfds": "SegmentationTFDS",
}
_OURS = ("reader", "train_split", "val_split")


def open_readers(data, strict=False):
    """Returns the readers of the training and of the validation split.

    Args:
        data: Dict, the [data] table.
        strict: Boolean; unusable files are an error.

    Raises:
        UserError: the table or what it names is wrong.
    """
    splits = (data.get("train_split", "train"), data.get("val_split", "val"))
    return tuple(open_reader(data, split, strict) for split in splits)


def open_reader(data, split, strict=False):
    """Returns the reader of one split, after reporting what it left out.

    Args:
        data: Dict, the [data] table.
        split: String.
        strict: Boolean; unusable files are an error.

    Raises:
        UserError: the table or what it names is wrong.
    """
    from tfrecvis import data as room

    kind = data.get("reader")
    if kind not in READERS:
        raise UserError(
            f"data.reader must be one of {', '.join(READERS)}. Received: {kind!r}. "
            + nearest(str(kind), list(READERS))
        )
    reader_class = getattr(room, READERS[kind])
    known = list(inspect.signature(reader_class).parameters)
    if "builder" in known:
        known.remove("builder")  # an object, which no recipe can hold
    ours = [*_OURS, *(("train_count", "val_count") if kind == "synthetic" else ())]
    check_arguments("data", data, [*(k for k in known if k != "split"), *ours])
    arguments = {key: value for key, value in data.items() if key not in ours}
    arguments["split"] = split
    if kind == "synthetic":
        training = split == data.get("train_split", "train")
        count = data.get("train_count" if training else "val_count")
        if count is not None:
            arguments["count"] = count
    if kind == "folder" and "path" not in arguments:
        raise UserError(
            "The recipe's reader is a folder and data.path is not set: "
            "add --data PATH, the folder that holds the splits."
        )
    if "strict" in known:
        arguments["strict"] = strict
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `report_problems` says it in full
            reader = reader_class(**arguments)
    except (ValueError, OSError, TypeError, ImportError) as error:
        raise UserError(f"The data cannot be used: {error}") from error
    report_problems(reader, split)
    return reader


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
    print(f"{split}: {len(problems)} left out, {len(reader)} used", file=stream)
    for problem in problems:
        print(f"  {problem.file}: {problem.reason}", file=stream)
