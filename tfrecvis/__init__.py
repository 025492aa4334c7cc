"""Recurrent networks for vision: Keras layers, models built from them, and exports.

`layers`, `losses`, `metrics` and `ops` come with the package. `data`, `models`,
`export` and `tools` are imported when they are first used, so that a user of one
layer does not pay for readers, converters and drawing.
"""

import importlib

from tfrecvis import layers, losses, metrics, ops
from tfrecvis.version import __version__

_LAZY = ("data", "export", "models", "tools")

__all__ = [*_LAZY, "__version__", "layers", "losses", "metrics", "ops"]


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"tfrecvis.{name}")
    raise AttributeError(f"module 'tfrecvis' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
