"""ONNX files, for ONNX Runtime and what else reads them.

`convert` runs in a child process and imports nothing of tfrecvis.
"""

import json
from pathlib import Path

OPSET = 17


def convert(frozen, path, signature, axes, card, opset=OPSET):
    """Converts one signature of a frozen SavedModel to an `.onnx` file.

    Args:
        frozen: Folder of a SavedModel without variables.
        path: The file to write.
        signature: String, the signature's name.
        axes: Dict of the inputs' and outputs' names to their axes, sizes or names.
        card: Dict, which becomes an entry of the metadata.
        opset: Integer, the version of the operator set.
    """
    import tensorflow as tf
    import tf2onnx

    function = tf.saved_model.load(frozen).signatures[signature]
    specs = function.structured_input_signature[1]

    @tf.function(input_signature=list(specs.values()))
    def answer(*values):
        return function(**dict(zip(specs, values, strict=True)))

    proto, _ = tf2onnx.convert.from_function(
        answer,
        list(specs.values()),
        opset=opset,
        custom_op_handlers=HANDLERS,
    )
    _name_axes(proto.graph, axes)
    proto.doc_string = card.get("description", "")
    entries = {"signature": signature, "model.json": json.dumps(card)}
    for key, text in entries.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, text
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


def _name_axes(graph, axes):
    # tf2onnx numbers open axes; tools show these names to whoever binds the file.
    for value in (*graph.input, *graph.output):
        dimensions = value.type.tensor_type.shape.dim
        for name, dimension in zip(axes[value.name], dimensions, strict=True):
            if dimension.HasField("dim_param") and isinstance(name, str):
                dimension.dim_param = name
