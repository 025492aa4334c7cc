"""Rules for every file of the repository."""

import re

from architecture import project

MAX_LINES = 450
UNFINISHED = re.compile("TO" + "DO|FIX" + "ME|NotImplemented" + "Error")
MACHINE_PATH = re.compile(r"(?<![\w.}/-])/(?:work|tmp|root|home|Users)/\w")


def texts():
    for path in project.files():
        try:
            yield path.relative_to(project.ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # weights and pictures


def long_files(files):
    return [
        f"{path}: {count} lines"
        for path, text in files
        if path.suffix == ".py" and (count := len(text.splitlines())) >= MAX_LINES
    ]


def machine_paths(files):
    return [
        f"{path}: {m[0]}" for path, text in files if (m := MACHINE_PATH.search(text))
    ]


def test_no_python_file_is_long():
    assert long_files(texts()) == []


def test_no_file_holds_a_path_of_one_machine():
    assert machine_paths(texts()) == []


def test_nothing_is_marked_as_unfinished():
    python = ((path, text) for path, text in texts() if path.suffix == ".py")
    assert [str(path) for path, text in python if UNFINISHED.search(text)] == []


def test_a_long_file_and_a_machine_path_would_be_found():
    name = project.ROOT / "a.py"
    assert long_files([(name, "x\n" * MAX_LINES)]) != []
    assert long_files([(name, "x\n" * (MAX_LINES - 1))]) == []
    assert machine_paths([(name, 'open("/' + 'home/ada/x")')]) != []
    assert machine_paths([(name, "see https://example.org/home/ada")]) == []
