"""Work that may crash, done in a child process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tfrecvis.export.errors import ExportError

_CHILD = Path(__file__).with_name("program.py")
_TAIL = 1500  # characters of a converter's message that go into the error


def run_jobs(jobs, scratch, blocked=()):
    """Calls functions in one child process, one after the other.

    The files that hold them are loaded by their path, so that the child needs no
    tfrecvis. The child sees no GPU.

    Args:
        jobs: List of `(name, file, function, arguments)`; arguments a dict that JSON
            can hold.
        scratch: Existing folder for the messages between the processes.
        blocked: Names of modules that the child cannot import.

    Returns:
        Dict of name to what the function returned.

    Raises:
        ExportError: a function raised, or the process crashed; it names the job.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = folder + "/job.py"
    ...     _ = open(file, "w").write("def add(a, b): return a + b")
    ...     run_jobs([("sum", file, "add", {"a": 1, "b": 2})], folder)
    {'sum': 3}
    """
    scratch = Path(scratch)
    plan, results, log = (
        scratch / name for name in ("jobs.json", "results.json", "log.txt")
    )
    keys = ("name", "file", "function", "arguments")
    plan.write_text(
        json.dumps(
            {
                "blocked": list(blocked),
                "jobs": [dict(zip(keys, job, strict=True)) for job in jobs],
            },
            default=str,
        ),
        encoding="utf-8",
    )
    results.unlink(missing_ok=True)
    with open(log, "wb") as stream:
        # -P: the folder of program.py stays off the path.
        status = subprocess.run(
            [sys.executable, "-P", str(_CHILD), str(plan), str(results)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={
                "TF_CPP_MIN_LOG_LEVEL": "2",
                **os.environ,
                "CUDA_VISIBLE_DEVICES": "-1",
            },
            check=False,
        ).returncode
    try:
        outcome = json.loads(results.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        outcome = {"running": None, "values": {}, "error": None}
    if status == 0:
        return outcome["values"]
    name = outcome["running"] or "The child process"
    if outcome["error"]:
        raise ExportError(f"{name} failed: {_shorten(outcome['error'])}")
    if status < 0:
        how = f"crashed ({signal.Signals(-status).name})"
    else:
        how = f"ended with status {status}"
    tail = _shorten(log.read_text(encoding="utf-8", errors="replace"), end=True)
    raise ExportError(f"{name} {how}. Its last words: {tail or 'none'}")


def _shorten(text, end=False):
    text = text.strip()
    if len(text) <= _TAIL:
        return text
    return "..." + text[-_TAIL:] if end else text[:_TAIL] + "..."
