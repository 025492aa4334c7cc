"""Compiled programs are kept between processes, where the compiler can do so safely."""

import hashlib
import os
import platform
from pathlib import Path

VARIABLE = "JAX_COMPILATION_CACHE_DIR"


def keep_compiled():
    """Lets JAX keep what it compiles in the user's cache folder, for the next process.

    It must be called before JAX is imported. Nothing happens under TensorFlow, where
    `JAX_COMPILATION_CACHE_DIR` is set, be it to nothing, and where the folder cannot be
    written. `docs/design/engine.md` says why TensorFlow's own cache is not used.

    Example:

    >>> keep_compiled()
    """
    if os.environ.get("KERAS_BACKEND") != "jax" or VARIABLE in os.environ:
        return
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # there may be no home, too
        return
    if os.access(folder, os.W_OK):
        os.environ[VARIABLE] = str(folder)


def cache_folder():
    """The user's folder for programs that are compiled for this kind of processor.

    A home may be shared by machines of several kinds, and a program for one may stop
    another at an unknown instruction: JAX tells versions and flags apart, not these.

    Example:

    >>> cache_folder().parts[-3:-1]
    ('tfrecvis', 'jax')
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tfrecvis" / "jax" / _processor()


def _processor():
    """Letters that differ where the instructions of the processor do."""
    abilities = [platform.machine(), platform.processor()]
    try:
        with open("/proc/cpuinfo") as lines:
            known = (line for line in lines if line.startswith(("flags", "Features")))
            abilities.append(next(known, ""))
    except OSError:
        pass
    return hashlib.sha256("".join(abilities).encode()).hexdigest()[:12]
