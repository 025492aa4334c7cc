"""The examples in docstrings, and the commands and programs of the README, run."""

import contextlib
import doctest
import importlib
import re
import shlex
import subprocess
import sysconfig
import types
from pathlib import Path

import pytest
from architecture import project

MODULES = [name for name in project.modules() if not name.endswith("__main__")]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# The README trains, exports and serves a model, which takes a minute.
DOCUMENTS = [pytest.param("README.md", marks=pytest.mark.slow), "CONTRIBUTING.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = Path(sysconfig.get_path("scripts")) / "tfrecvis"

# Sub-commands that finish in seconds are run; of the others (train, demo, ...) the
# options are looked up in their help.
RUN = {"list", "predict", "export"}
# Commands that fetch a repository or packages, or only change the folder.
NOT_RUN = {"cd", "git", "pip", "python3"}


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name, tmp_path, monkeypatch, exports_here):
    monkeypatch.chdir(tmp_path)  # an example may write files
    module = importlib.import_module(name)
    with exports_here(), eagerly("tfrecvis.models.detection" in name):
        assert doctest.testmod(module, optionflags=OPTIONS).failed == 0


@contextlib.contextmanager
def eagerly(wanted):
    """Trains without tracing, which takes seconds per detector and is tested there."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(wanted)
    yield
    tf.config.run_functions_eagerly(False)


def test_a_wrong_docstring_example_would_be_found():
    module = types.ModuleType("wrong", doc=">>> 1 + 1\n3\n")
    assert doctest.testmod(module, optionflags=OPTIONS).failed == 1


def blocks(text):
    """The fenced blocks of a document, in order: (language, text) pairs."""
    return FENCE.findall(text)


def commands(text):
    """The command lines of a shell block, as argument lists."""
    joined = text.replace("\\\n", " ")
    split = (shlex.split(line, comments=True) for line in joined.splitlines())
    return [words for words in split if words]


def run(words, folder):
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def check_command(words, folder):
    match words:
        case ["make", *targets]:
            run(["make", "--dry-run", *targets], project.ROOT)
        case ["tfrecvis", name, *arguments]:
            manual = run([str(COMMAND), name, "--help"], folder)
            for word in arguments:
                option = word.split("=")[0]
                if option.startswith("-"):
                    known = rf"(?<![\w-]){re.escape(option)}(?![\w-])"
                    assert re.search(known, manual), f"{name} has no option {option}"
            if name in RUN:
                run([str(COMMAND), name, *arguments], folder)
        case [name, *_]:
            assert name in NOT_RUN, f"nothing here can check {shlex.join(words)}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_of_a_document_run_in_order(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for language, text in blocks((project.ROOT / document).read_text("utf-8")):
        match language:
            case "python":
                exec(compile(text, document, "exec"), names)
            case "sh" | "bash" | "console":
                for words in commands(text):
                    check_command(words, tmp_path)
            case _:
                assert language in ("", "text", "json", "toml"), language


def test_blocks_of_a_document_are_read():
    text = (
        "a\n```sh\nmake test  # all\ntfrecvis list \\\n  -v\n```\n```python\n1\n```\n"
    )
    assert blocks(text)[1] == ("python", "1\n")
    assert commands(blocks(text)[0][1]) == [
        ["make", "test"],
        ["tfrecvis", "list", "-v"],
    ]


@pytest.mark.parametrize("line", ["make no-such-target", "unknown-command --now"])
def test_a_wrong_command_would_be_found(line, tmp_path):
    with pytest.raises(AssertionError):
        check_command(shlex.split(line), tmp_path)


def test_an_option_that_a_command_lacks_would_be_found(tmp_path):
    with pytest.raises(AssertionError, match="has no option --no-such-option"):
        check_command(["tfrecvis", "train", "--no-such-option"], tmp_path)
