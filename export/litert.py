"""LiteRT files of builtin operators alone, for phones.

Runs in a child process (see `processes.py`): the converter can crash. It imports
nothing of tfrecvis.
"""

from pathlib import Path

PRECISIONS = ("float32", "float16", "int8")


def convert(frozen, path, precision):
    """Converts a frozen SavedModel to a `.tflite` file of builtin operators.

    Args:
        frozen: Folder of a SavedModel without variables, with `serving_default`.
        path: The file to write.
        precision: "float32"; "float16", weights halved in size; or "int8", dynamic
            range: weights of large matrices as 8-bit integers, the rest in float32.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(
        frozen, signature_keys=["serving_default"]
    )
    # An operator that only Flex has is an error here, not on the phone.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    Path(path).write_bytes(converter.convert())
