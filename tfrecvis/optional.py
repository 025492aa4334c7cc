"""Libraries that only some installations have."""

import importlib


def optional_import(name, extra, what):
    """Returns a module, or raises an ImportError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        library = name.partition(".")[0]
        raise ImportError(
            f"{what} need {library}, which is not installed. Install it: pip install "
            f"'tfrecvis[{extra}]'"
        ) from error
