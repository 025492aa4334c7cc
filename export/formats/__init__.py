"""One file per format that an export can be written in, and what they share."""

from tfrecvis.export.formats import available, litert, onnx, saved_model, tracing

__all__ = ["available", "litert", "onnx", "saved_model", "tracing"]
