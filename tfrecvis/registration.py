"""Registers the package's classes with Keras, but does not import Keras for that.

`keras.models.load_model` finds the classes of a `.keras` file in Keras' registry, where
each class enters itself when its module is imported. `import tfrecvis` is to be enough
for that, in any order with `import keras`, and is to cost nothing where Keras is not
used. So the classes are imported at once when Keras is there already, and otherwise
when it comes: after the import of Keras, or after that of the room that imported it.
"""

import importlib
import sys

REGISTERING = (
    "tfrecvis.layers",
    "tfrecvis.losses",
    "tfrecvis.metrics",
    "tfrecvis.optimizers",
)

# A room that is half imported cannot be imported by another one: those that the
# registering rooms need must be finished first.
_WATCHED = {"keras", "tfrecvis.ops", *REGISTERING}


def register_with_keras():
    """Registers every class of the package, now or as soon as Keras is imported.

    Example:

    >>> register_with_keras()
    >>> import keras
    >>> keras.saving.get_registered_object("tfrecvis>ReNet").__name__
    'ReNet'
    """
    if "keras" in sys.modules:
        _register()
    elif not any(isinstance(finder, _AfterKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterKeras())


def _register():
    for room in REGISTERING:
        importlib.import_module(room)


class _AfterKeras:
    """A finder that finds what the others find, and registers after the import."""

    def __init__(self):
        self.depth = 0  # watched imports that have begun and not ended

    def find_spec(self, name, path=None, target=None):
        if name not in _WATCHED:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, specs), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            self._watch(spec.loader)
        return spec

    def _watch(self, loader):
        def exec_module(module):
            del loader.exec_module  # the loader's own method shows again
            self.depth += 1
            try:
                loader.exec_module(module)
            finally:
                self.depth -= 1
            if self.depth == 0 and "keras" in sys.modules and self in sys.meta_path:
                sys.meta_path.remove(self)
                _register()

        loader.exec_module = exec_module
