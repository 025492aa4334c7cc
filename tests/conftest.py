import contextlib
import gc
import importlib
import json
import os

import pytest

# Most of XLA's time goes into machine code that runs once. Its own passes stay on.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
)

# Without it, tf2onnx copies the graph for each optimisation, in case that it fails:
# half of its time. In the tests a failure should be seen.
os.environ.setdefault("TF2ONNX_CATCH_ERRORS", "FALSE")

# Tests of commands leave nothing in the user's cache folder, and read nothing there.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", "")

# Each worker of pytest-xdist has a core.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# The files that take longest, first: no worker is left with one of them in the end.
LONGEST = (
    "conformance/test_jax.py",
    "conformance/test_xla.py",
    "conformance/test_exports.py",
    "conformance/test_layers.py",
    "learning/",
    "tools/",
    "export/",
    "architecture/",
)

SHARED = ("tests/export", "tests/tools")


def pytest_collection_modifyitems(items):
    def rank(item):
        found = (n for n, name in enumerate(LONGEST) if name in item.nodeid)
        return next(found, len(LONGEST))

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file to one worker; a whole folder, where files share a run or an export."""
    from xdist.scheduler import LoadFileScheduling

    class ByFixtures(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.split("::")[0]
            shared = (name for name in SHARED if file.startswith(f"{name}/"))
            return next(shared, file)

    return ByFixtures(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish():
    """Tracing makes millions of small objects; the libraries are not garbage."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def pytest_sessionfinish():
    """pytest collects garbage five times in the end, for seconds."""
    gc.freeze()


@pytest.fixture
def count_steps(monkeypatch):
    """A list that gains the number of steps of each loop that TensorFlow runs."""
    import tensorflow as tf

    counts = []
    while_loop = tf.while_loop

    def counting(cond, body, loop_vars, **kwargs):
        counts.append(0)

        def counted(*state):
            counts[-1] += 1
            return body(*state)

        return while_loop(cond, counted, loop_vars, **kwargs)

    monkeypatch.setattr("tensorflow.while_loop", counting)
    return counts


def run_here(jobs, scratch, blocked=()):
    """`run_jobs` in this process, where TensorFlow is imported already."""
    from tfrecvis.export.child_process.program import load

    values = {}
    for name, file, function, arguments in jobs:
        plain = json.loads(json.dumps(arguments, default=str))
        values[name] = getattr(load(file), function)(**plain)
    return json.loads(json.dumps(values))


@pytest.fixture(scope="session")
def exports_here():
    """A context in which an export starts no child processes, which take seconds.

    What the processes do is tested on small jobs in `export/child_process/`, and on
    every format by the commands of the README.
    """

    @contextlib.contextmanager
    def context():
        with pytest.MonkeyPatch.context() as patch:
            for name in ("export_model", "parity"):
                module = importlib.import_module(f"tfrecvis.export.{name}")
                patch.setattr(module, "run_jobs", run_here)
            yield

    return context
