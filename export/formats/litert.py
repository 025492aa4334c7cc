"""LiteRT files of builtin operators only, for phones.

`convert` runs in a child process: the converter can crash. It imports nothing of
tfrecvis.
"""

import json
import zipfile
from pathlib import Path

PRECISIONS = ("float32", "float16", "int8")


def convert(frozen, path, precision, card):
    """Converts a frozen SavedModel to a `.tflite` file of builtin operators.

    The card goes into the file twice over: in short as the metadata that Android's
    tools show, and whole as the associated files `model.json` and, where classes have
    names, `labels.txt`.

    Args:
        frozen: Folder of a SavedModel without variables.
        path: The file to write.
        precision: "float32"; "float16", weights halved in size; or "int8", dynamic
            range: weights of large matrices as 8-bit integers, the rest in float32.
        card: Dict.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(
        frozen, signature_keys=list(card["signatures"])
    )
    # An operator that only Flex has is an error here, not on the phone.
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    files = {"model.json": json.dumps(card, indent=1, ensure_ascii=False)}
    if card.get("class_names"):
        files["labels.txt"] = "\n".join(card["class_names"]) + "\n"
    content = with_metadata(converter.convert(), card, list(files))
    Path(path).write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def with_metadata(content, card, files):
    """Returns a LiteRT file with the metadata that names its associated files.

    Args:
        content: Bytes of the file.
        card: Dict; "name" and "description" are read.
        files: List of the associated files' names.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    model.description = card.get("description", "").encode()
    entry = schema.MetadataT()
    entry.name = b"TFLITE_METADATA"
    entry.buffer = len(model.buffers)
    buffer = schema.BufferT()
    buffer.data = list(_metadata(card, files))
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return flatbuffer_utils.convert_object_to_bytearray(model)


def _metadata(card, files):
    # The tables ModelMetadata and AssociatedFile of TensorFlow Lite's metadata schema
    # (metadata_schema.fbs): the numbers are the places of their fields.
    import flatbuffers

    builder = flatbuffers.Builder(256)
    entries = []
    for file in files:
        name = builder.CreateString(file)
        builder.StartObject(5)
        builder.PrependUOffsetTRelativeSlot(0, name, 0)
        entries.append(builder.EndObject())
    builder.StartVector(4, len(entries), 4)
    for offset in reversed(entries):
        builder.PrependUOffsetTRelative(offset)
    associated = builder.EndVector()
    texts = {
        0: builder.CreateString(card.get("name", "")),
        1: builder.CreateString(card.get("description", "")),
        2: builder.CreateString(f"tfrecvis {card['tfrecvis']}"),
    }
    builder.StartObject(8)
    for place, text in texts.items():
        builder.PrependUOffsetTRelativeSlot(place, text, 0)
    builder.PrependUOffsetTRelativeSlot(6, associated, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"M001")
    return bytes(builder.Output())
