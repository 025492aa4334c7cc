"""Which formats this installation can write and run."""

import importlib.util

from tfrecvis.models.signature import FORMATS

# Format -> (extra of tfrecvis, libraries that write or run it).
_NEEDS = {
    "saved_model": (None, ()),
    "litert": ("litert", ("ai_edge_litert",)),
    "onnx": ("onnx", ("tf2onnx", "onnxruntime")),
}


def formats():
    """Returns the formats whose libraries are installed.

    Example:

    >>> "saved_model" in formats()
    True
    """
    return tuple(name for name in FORMATS if not missing_libraries(name))


def missing_libraries(name):
    """Returns the names of the libraries that a format lacks here.

    Example:

    >>> missing_libraries("saved_model")
    []
    """
    _, libraries = _NEEDS[name]
    return [
        library.replace("_", "-")
        for library in libraries
        if importlib.util.find_spec(library) is None
    ]


def check_format(name):
    """Refuses a format that this installation cannot write and run.

    Raises:
        ImportError: a library is missing; it names the extra that brings it.

    Example:

    >>> check_format("saved_model")
    """
    missing = missing_libraries(name)
    if missing:
        raise ImportError(
            f"The format {name} needs {' and '.join(missing)}, not installed here. "
            f"Install what it needs: pip install 'tfrecvis[{_NEEDS[name][0]}]'"
        )
