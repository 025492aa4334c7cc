"""Where compiled programs are kept, and that nothing fails where they cannot be."""

import os
import subprocess
import sys

import pytest

from tfrecvis.tools import compiled
from tfrecvis.tools.compiled import VARIABLE, cache_folder, keep_compiled


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A cache folder of its own, on JAX, with nothing chosen yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    # Set first, so that what `keep_compiled` sets is taken back, too.
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    return tmp_path


def test_jax_keeps_programs_in_the_users_cache_folder(home):
    keep_compiled()
    assert os.environ[VARIABLE] == str(cache_folder())
    assert cache_folder().is_relative_to(home / "cache" / "tfrecvis")
    assert cache_folder().is_dir()


def test_nothing_is_kept_under_tensorflow(home, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    keep_compiled()
    assert VARIABLE not in os.environ
    assert not (home / "cache").exists()


@pytest.mark.parametrize("chosen", ["", "elsewhere"])
def test_what_the_user_chose_stays(home, monkeypatch, chosen):
    monkeypatch.setenv(VARIABLE, chosen)
    keep_compiled()
    assert os.environ[VARIABLE] == chosen


def test_folder_that_cannot_be_made_is_no_failure(home):
    (home / "cache").write_text("a file")
    keep_compiled()
    assert VARIABLE not in os.environ


def test_folder_that_cannot_be_written_is_no_failure(home, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    keep_compiled()
    assert VARIABLE not in os.environ


def test_another_processor_has_another_folder(home, monkeypatch):
    first = cache_folder()
    monkeypatch.setattr(compiled.platform, "machine", lambda: "other")
    assert cache_folder() != first


def test_jax_writes_there_and_damage_is_no_failure(home):
    run = """
import os
from tfrecvis.tools.compiled import keep_compiled
keep_compiled()
import jax
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
print(float(jax.jit(lambda x: 2 * x)(4.0)))
"""

    def answer():
        done = subprocess.run(
            [sys.executable, "-c", run],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
        )
        return done.stdout

    assert answer() == "8.0\n"
    files = list(cache_folder().glob("jit_*-cache"))
    assert files
    for file in files:
        file.write_bytes(b"no program")
    assert answer() == "8.0\n"
