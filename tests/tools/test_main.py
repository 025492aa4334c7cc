import json
import os
import subprocess
import sys

import pytest

from tfrecvis.tools.main import COMMANDS, hide_native_messages, main
from tfrecvis.version import __version__


def test_help_names_every_sub_command(command):
    result = command("--help")
    assert result.status == 0
    for name in ("train", "evaluate", "predict", "export", "demo", "list", "benchmark"):
        assert f"\n    {name}" in result.output


# `benchmark` has a parser of its own.
@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"benchmark"}))
def test_help_of_a_command_shows_an_example(command, name):
    result = command(name, "--help")
    assert result.status == 0
    assert f"tfrecvis {name}" in result.output.partition("example")[2]


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_help_says_where_the_keys_of_recipes_stand(command, name):
    text = " ".join(command(name, "--help").output.split())
    for place in ("tfrecvis.models", "tfrecvis.data", "recipe.toml"):
        assert place in text
    assert ".. The keys" not in text and ". The keys of a recipe" in text


def test_version_is_that_of_the_package(command):
    result = command("--version")
    assert result.status == 0
    assert result.output == f"tfrecvis {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["list"],
        ["train", "--help"],
        ["trian"],
        ["predict", "camvid_reseg"],  # --output is missing
        ["train", "no_such_recipe", "--output", "run"],
        ["train", "synthetic_reseg", "--output", "run", "--set", "model"],
        ["train", "synthetic_reseg", "--output", "{taken}"],
        ["predict", "camvid_reseg", "no_such_photo.png", "--output", "answers"],
        ["predict", "camvid_resek", "{taken}", "--output", "answers"],
        ["export", "camvid_reseg", "--output", "{taken}"],
    ],
)
def test_answers_without_a_model_import_neither_keras_nor_tensorflow(
    arguments, tmp_path
):
    (tmp_path / "1").mkdir()
    arguments = [word.format(taken=tmp_path) for word in arguments]
    code = (
        "import json, sys\n"
        "from tfrecvis.tools.main import main\n"
        "try: main(json.loads(sys.argv[1]))\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'PIL', 'rich'}\n"
        "sys.exit(f'loaded: {sorted(heavy & set(sys.modules))}')\n"
    )
    words = [sys.executable, "-c", code, json.dumps(arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "loaded: []"


def run_process(*arguments):
    quiet = "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"
    return subprocess.run(
        [sys.executable, "-m", "tfrecvis.tools.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name not in quiet},
    )


@pytest.mark.slow
def test_no_native_greeting_is_shown_but_what_python_says(
    finished_run, folder, tmp_path
):
    listed = run_process("list")
    assert (listed.returncode, listed.stderr) == (0, "")
    (tmp_path / "broken.png").write_bytes(b"no image")
    files = folder / "val" / "0.png", tmp_path / "broken.png"
    done = run_process("predict", finished_run, *files, "--output", tmp_path / "out")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{tmp_path / 'broken.png'}: cannot be decoded")


def test_native_messages_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    before = sys.stderr
    hide_native_messages()
    assert sys.stderr is before


def test_error_of_the_user_is_one_line_without_a_traceback(command, tmp_path):
    result = command("train", "nothing", "--output", tmp_path / "run")
    assert result.status == 2
    assert result.errors.startswith("tfrecvis: error: There is no recipe `nothing`")
    assert result.errors.count("\n") == 1


def test_mistyped_command_is_told_the_nearest(command):
    result = command("trian", "synthetic_reseg")
    assert result.status == 2
    assert result.errors == (
        "tfrecvis: error: There is no command `trian`. Did you mean `train`?\n"
    )


def test_missing_library_is_one_line_that_names_the_extra(command, monkeypatch):
    def fail(*arguments):
        raise ImportError("Pictures need matplotlib. pip install 'tfrecvis[plots]'")

    monkeypatch.setattr("tfrecvis.tools.commands.list.run", fail)
    result = command("list")
    assert result.status == 1
    assert result.errors == (
        "tfrecvis: error: Pictures need matplotlib. pip install 'tfrecvis[plots]'\n"
    )


def test_interruption_is_no_traceback(command, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfrecvis.tools.commands.list.run", interrupt)
    result = command("list")
    assert (result.status, result.errors) == (130, "tfrecvis: error: interrupted.\n")


@pytest.mark.parametrize(
    ("backend", "message"), [("foo", "Received: 'foo'"), ("torch", "Received: 'torch'")]
)
def test_another_backend_is_refused_in_one_line(monkeypatch, capsys, backend, message):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    assert main(["list"]) == 2
    errors = capsys.readouterr().err
    assert "KERAS_BACKEND must be tensorflow" in errors and message in errors
    assert len(errors.splitlines()) == 1
