"""LiteRT files: shared weights, and a card that other tools read, too."""

import zipfile

import keras
import pytest

from tfrecvis.export.formats import litert, tracing
from tfrecvis.models import Signature, Spec

CARD = {"tfrecvis": "1.0", "name": "tiny", "description": "Vögel", "class_names": ["a"]}


@pytest.fixture(scope="module")
def convert(tmp_path_factory):
    """Converts signatures in this process; returns the file's path."""

    def convert(signatures, precision="float32", card=CARD):
        folder = tmp_path_factory.mktemp("litert")
        tracing.write_frozen(
            {s.name: tracing.trace(s) for s in signatures}, folder / "frozen"
        )
        card = {**card, "signatures": {s.name: {} for s in signatures}}
        path = folder / "model.tflite"
        litert.convert(str(folder / "frozen"), str(path), precision, card)
        return path

    return convert


def call(model, x):
    return model(x)


@pytest.fixture(scope="module")
def two():
    """Two signatures that share 256 KiB of weights, all but a few."""
    x = keras.Input((256,))
    hidden = keras.layers.Dense(256)(x)
    inputs = {"x": Spec(("batch", 256), "float32")}
    return [
        Signature(
            "serving_default",
            keras.Model(x, {"y": keras.layers.Dense(3)(hidden)}),
            call,
            inputs,
            {"y": Spec(("batch", 3), "float32")},
        ),
        Signature(
            "encode",
            keras.Model(x, {"hidden": hidden}),
            call,
            inputs,
            {"hidden": Spec(("batch", 256), "float32")},
        ),
    ]


@pytest.mark.parametrize(
    ("precision", "size"), [("float32", 4), ("float16", 2), ("int8", 1)]
)
def test_two_signatures_store_their_common_weights_once(convert, two, precision, size):
    weights = 256 * 256 * size
    file = convert(two, precision).stat().st_size
    assert weights < file < weights + 24_000  # operators, biases and the card


def test_other_tools_find_the_metadata_and_the_files_that_it_names(convert, two):
    from tensorflow.lite.tools import flatbuffer_utils

    path = convert(two[1:])
    model = flatbuffer_utils.read_model(str(path))
    entries = {entry.name: entry.buffer for entry in model.metadata}
    metadata = bytes(model.buffers[entries[b"TFLITE_METADATA"]].data)
    assert metadata[4:8] == b"M001"  # the schema's file identifier
    for text in ("tiny", "Vögel", "tfrecvis 1.0", "model.json", "labels.txt"):
        assert text.encode() in metadata
    assert model.description.decode() == "Vögel"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["model.json", "labels.txt"]
        assert archive.read("labels.txt") == b"a\n"


def test_without_class_names_there_are_no_labels(convert, two):
    with zipfile.ZipFile(convert(two[1:], card={"tfrecvis": "1.0"})) as archive:
        assert archive.namelist() == ["model.json"]
