"""Libraries of the extras: imported where they are used, and asked for by name."""

import importlib

# What pip calls a library, where Python calls it something else.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "ai_edge_litert": "ai-edge-litert",
    "cv2": "opencv-contrib-python-headless",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
}


def optional_import(module, extra, what):
    """Imports a module of an extra, or says how to install it.

    Args:
        module: String, the module's name, with dots for a submodule.
        extra: String, the extra of tfrecvis that installs it.
        what: String, what needs it: plural, since "need" follows.

    Returns:
        The module.

    Raises:
        ImportError: the library is not installed. Any other error of its import, such
            as that of a library which it needs itself, comes through as it is.

    Example:

    >>> optional_import("json.decoder", extra="data", what="Notes").__name__
    'json.decoder'
    >>> optional_import("no_such_library.pyplot", extra="plots", what="Pictures")
    Traceback (most recent call last):
    ImportError: Pictures need no_such_library, which is not installed. Install it: \
pip install 'tfrecvis[plots]'
    """
    library = module.partition(".")[0]
    try:
        importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise ImportError(
            f"{what} need {DISTRIBUTIONS.get(library, library)}, which is not "
            f"installed. Install it: pip install 'tfrecvis[{extra}]'",
            name=library,
        ) from None
    return importlib.import_module(module)
