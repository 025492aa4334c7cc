"""Files of the command: found by name, and written whole or not at all."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np

from tfrecvis.tools.errors import UserError


@contextlib.contextmanager
def whole_file(path):
    """Gives the path of a temporary file, which takes the place of `path` in the end.

    On any exception, a full disk and Ctrl-C included, it is removed, and what was at
    `path` before stays. An `OSError` that names no file gets `path`.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder, "a.txt")) as temporary:
    ...         _ = temporary.write_text("a")
    ...     os.listdir(folder)
    ['a.txt']
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.partial")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and not error.filename:
            error.filename = str(path)
        raise


def write_text(path, text):
    """Writes a text file that appears whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, content):
    """Writes a JSON file that appears whole or not at all."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path):
    """Returns what a JSON file holds.

    Raises:
        UserError: the file is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON: {error}.") from error


def check_directory(path):
    """Returns a path where a directory is or can be made and written.

    Raises:
        UserError: the path is a file, leads through one, or must not be written.

    Example:

    >>> check_directory("there/is/none").name
    'none'
    """
    directory = Path(path)
    for place in (directory, *directory.parents):
        if not place.exists():
            continue
        if not place.is_dir():
            raise UserError(f"--output must be a directory. {place} is a file.")
        if not os.access(place, os.W_OK | os.X_OK):
            raise UserError(f"--output {path} cannot be written: no permission.")
        break
    return directory


def check_new(paths):
    """Refuses to write over files.

    Raises:
        UserError: some of the paths exist.
    """
    taken = [path for path in paths if path.exists()]
    if taken:
        many = f"{len(taken)} of the outputs exist, the first is {taken[0]}"
        raise UserError(
            f"{many if len(taken) > 1 else f'{taken[0]} exists'}. Pass --overwrite to "
            "replace what is there, or name another --output."
        )


def check_found(paths):
    """Refuses paths of files and folders that do not exist.

    Raises:
        UserError: one of them does not.

    Example:

    >>> check_found([Path.cwd()])
    """
    for path in map(Path, paths):
        if not path.exists():
            raise UserError(f"There is no file or folder at {path}.")


def find_files(inputs, suffixes, nothing):
    """Returns the files that are named, or lie in the named folders.

    Args:
        inputs: List of paths: files, which are taken as they are, and folders, which
            are searched with all that is in them for files of these endings.
        suffixes: Tuple of endings, such as `.png`.
        nothing: String, what a folder without such files holds.

    Returns:
        List of (path, path relative to the folder), sorted within a folder.

    Raises:
        UserError: a path does not exist, or a folder holds nothing.
    """
    check_found(inputs)
    found = []
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            files = sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in suffixes and file.is_file()
            )
            if not files:
                raise UserError(
                    f"The folder {path} holds {nothing} ({', '.join(suffixes)})."
                )
            found += [(file, file.relative_to(path)) for file in files]
        else:
            found.append((path, Path(path.name)))
    return found


def first_line(error, length=200):
    """Returns the first line of an error's message, cut to a length.

    Example:

    >>> first_line(ValueError("broken\\nTraceback of a library"))
    'broken'
    """
    line = str(getattr(error, "message", error)).strip().partition("\n")[0]
    return line if len(line) <= length else line[:length] + "..."


def plain(value):
    """Returns an array as what JSON can hold: lists, numbers and text.

    Example:

    >>> plain(np.array(["yes".encode()], object)), plain(np.float32(0.5))
    (['yes'], 0.5)
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    return value
