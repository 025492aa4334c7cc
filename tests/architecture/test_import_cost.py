"""What an import loads: by structure, not by clock."""

import json
import os
import subprocess
import sys

import pytest


def loaded(*statements, backend="tensorflow", before="import keras"):
    """Top-level libraries that each statement loads beyond what came before all."""
    look = (
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "found.append(sorted(new - set(sys.stdlib_module_names)))"
    )
    program = "\n".join(
        [
            f"import json, sys; {before}",
            "found, before = [], set(sys.modules)",
            *(f"{statement}\n{look}" for statement in statements),
            "print(json.dumps(found))",
        ]
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
    assert loaded(rooms, before="pass") == [["tfrecvis"]]


@pytest.mark.parametrize(
    "backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.slow)]
)
def test_rooms_load_nothing_beyond_keras_and_others_wait_for_their_first_use(backend):
    others = "data", "export", "models", "tools"
    check = f"assert not any('tfrecvis.' + room in sys.modules for room in {others})"
    registry = "tfrecvis.layers; tfrecvis.losses; tfrecvis.metrics; tfrecvis.ops"
    statements = f"import tfrecvis; {check}", registry, "tfrecvis.models"
    assert loaded(*statements, backend=backend) == [["tfrecvis"]] * 3


def test_a_heavy_import_would_be_seen():
    (found,) = loaded("import tfrecvis, pytest", before="pass")
    assert "pytest" in found
