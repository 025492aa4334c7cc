"""Exports for servers and phones: SavedModel, LiteRT and ONNX, each one proved.

`export_model` writes one versioned directory; `load_artefact` loads what it wrote.
"""

from tfrecvis.export.artefacts import Artefact, load_artefact
from tfrecvis.export.bundle import FORMATS, export_model
from tfrecvis.export.errors import ExportError
from tfrecvis.export.parity import TOLERANCES
from tfrecvis.export.saved_model import write_saved_model

__all__ = [
    "FORMATS",
    "TOLERANCES",
    "Artefact",
    "ExportError",
    "export_model",
    "load_artefact",
    "write_saved_model",
]
