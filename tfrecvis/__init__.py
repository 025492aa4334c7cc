"""Recurrent networks for vision: Keras layers, models built from them, and exports.

Every room is imported when it is first used, so that `import tfrecvis` loads neither
Keras nor TensorFlow. Still it suffices for `keras.models.load_model`: the package's
layers, losses and metrics are registered as soon as Keras is there.
"""

import importlib

from tfrecvis import registration
from tfrecvis.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:  # for editors, which cannot look into `__getattr__`
    from tfrecvis import data, export, layers, losses, metrics, models, ops, tools

__all__ = [
    "__version__",
    "data",
    "export",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "tools",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"tfrecvis.{name}")
    raise AttributeError(f"module 'tfrecvis' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


registration.register_with_keras()
