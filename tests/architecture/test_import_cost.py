"""What an import loads: by structure, not by clock."""

import json
import os
import subprocess
import sys

import pytest


def loaded(statement, backend="tensorflow", before="import keras"):
    """Top-level libraries that a statement loads beyond what came before."""
    program = (
        f"import json, sys; {before}\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(json.dumps(sorted(new - set(sys.stdlib_module_names))))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_import_loads_no_library():
    rooms = "import tfrecvis, tfrecvis.tools.main, tfrecvis.optional"
    assert loaded(rooms, before="pass") == ["tfrecvis"]


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_rooms_of_the_registry_load_nothing_beyond_keras(backend):
    rooms = "tfrecvis.layers; tfrecvis.losses; tfrecvis.metrics; tfrecvis.ops"
    assert loaded(f"import tfrecvis; {rooms}", backend) == ["tfrecvis"]


def test_other_rooms_wait_for_their_first_use():
    rooms = "data", "export", "models", "tools"
    check = f"assert not any('tfrecvis.' + room in sys.modules for room in {rooms})"
    assert loaded(f"import tfrecvis; {check}; tfrecvis.models") == ["tfrecvis"]


def test_a_heavy_import_would_be_seen():
    assert "pytest" in loaded("import tfrecvis, pytest", before="pass")
