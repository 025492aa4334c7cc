"""ONNX files, for ONNX Runtime and what else reads them.

`convert` runs in a child process (see `processes.py`) and imports nothing of tfrecvis.
"""

import importlib.util
from pathlib import Path

OPSET = 17


def missing_libraries():
    """Returns the names of the libraries that ONNX export lacks here.

    Example:

    >>> set(missing_libraries()) <= {"tf2onnx", "onnxruntime"}
    True
    """
    return [
        name
        for name in ("tf2onnx", "onnxruntime")
        if importlib.util.find_spec(name) is None
    ]


def convert(frozen, path, opset=OPSET):
    """Converts a frozen SavedModel to an `.onnx` file.

    Args:
        frozen: Folder of a SavedModel without variables, with `serving_default`.
        path: The file to write.
        opset: Integer, the version of the operator set.
    """
    import tensorflow as tf
    import tf2onnx

    signature = tf.saved_model.load(frozen).signatures["serving_default"]
    spec = signature.structured_input_signature[1]["images"]

    @tf.function(input_signature=[spec])
    def predict(images):
        return signature(images=images)

    proto, _ = tf2onnx.convert.from_function(predict, [spec], opset=opset)
    _name_axes(proto.graph)
    Path(path).write_bytes(proto.SerializeToString())


def _name_axes(graph):
    # tf2onnx numbers open axes; tools show these names to whoever binds the file.
    axes = ("batch", "height", "width")
    for value in (*graph.input, *graph.output):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if dimension.HasField("dim_param") and axis < len(axes):
                dimension.dim_param = axes[axis]
