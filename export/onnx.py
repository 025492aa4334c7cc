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

    proto, _ = tf2onnx.convert.from_function(
        predict,
        [spec],
        opset=opset,
        custom_op_handlers=HANDLERS,
    )
    _name_axes(proto.graph)
    Path(path).write_bytes(proto.SerializeToString())


# tf2onnx 1.17 divides negative integers towards zero where TensorFlow rounds down, so
# that `-37 % 8`, the padding up to a multiple of 8, became -5 (see FloorMod, FloorDiv
# in tf2onnx/onnx_opset/math.py). ONNX's Mod has TensorFlow's sign.
def _floor_mod(ctx, node, name, args):
    from tf2onnx.onnx_opset import math

    if _is_float(ctx, node):
        return math.FloorMod.version_7(ctx, node)
    node.type = "Mod"
    return node


def _floor_div(ctx, node, name, args):
    from tf2onnx.onnx_opset import math

    if _is_float(ctx, node):
        return math.FloorDiv.version_6(ctx, node)
    a, b = node.input
    outputs, shapes, dtypes = node.output, node.output_shapes, node.output_dtypes
    rest = ctx.make_node("Mod", [a, b])
    multiple = ctx.make_node("Sub", [a, rest.output[0]])
    ctx.remove_node(node.name)
    return ctx.make_node(
        "Div",
        [multiple.output[0], b],
        name=node.name,
        outputs=outputs,
        shapes=shapes,
        dtypes=dtypes,
    )


HANDLERS = {"FloorMod": (_floor_mod, []), "FloorDiv": (_floor_div, [])}


def _is_float(ctx, node):
    import onnx

    types = onnx.TensorProto
    return ctx.get_dtype(node.input[0]) in (types.FLOAT, types.FLOAT16, types.DOUBLE)


def _name_axes(graph):
    # tf2onnx numbers open axes; tools show these names to whoever binds the file.
    axes = ("batch", "height", "width")
    for value in (*graph.input, *graph.output):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if dimension.HasField("dim_param") and axis < len(axes):
                dimension.dim_param = axes[axis]
