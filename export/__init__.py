"""Exports for servers and phones: SavedModel, LiteRT and ONNX, each one proved.

`export_model` writes one versioned directory; `load_artefact` loads what it wrote, and
`keras_predictor` a Keras model, as a `Predictor` that answers alike.
"""

from tfrecvis.export.errors import ExportError
from tfrecvis.export.export_model import export_model
from tfrecvis.export.keras_predictor import keras_predictor
from tfrecvis.export.parity import TOLERANCES
from tfrecvis.export.predictor import Predictor, load_artefact

__all__ = [
    "TOLERANCES",
    "ExportError",
    "Predictor",
    "export_model",
    "keras_predictor",
    "load_artefact",
]
