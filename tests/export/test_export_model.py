"""One call writes one version, with every signature in every format."""

import json
import zipfile

import keras
import numpy as np
import pytest

from tfrecvis.export import TOLERANCES, ExportError, export_model, load_artefact, parity
from tfrecvis.models import Signature, Spec, SuperpixelLabeller, superpixels

pytestmark = pytest.mark.usefixtures("jobs_here")

FILES = {
    "saved_model": "saved_model.pb",
    "litert_float32": "model_float32.tflite",
    "litert_float16": "model_float16.tflite",
    "litert_int8": "model_int8.tflite",
    "onnx": "model.onnx",
    "onnx_encode": "model_encode.onnx",
}
SIGNATURES = {
    **dict.fromkeys(FILES, {"serving_default", "encode"}),
    "saved_model": {"serving_default", "serving_bytes", "encode", "encode_bytes"},
    "onnx": {"serving_default"},
    "onnx_encode": {"encode"},
}
CASES = [(name, s) for name, those in SIGNATURES.items() for s in sorted(those)]


def test_one_call_writes_one_version(exported):
    assert {path.name for path in exported.path.iterdir()} >= {
        *FILES.values(),
        "variables",
        "assets",
        "report.json",
        "report.md",
    }


def test_nothing_but_the_version_stays_in_its_directory(exported):
    assert [path.name for path in exported.directory.iterdir()] == ["3"]


def test_no_file_holds_a_path_of_this_machine(exported):
    folder = str(exported.directory.parent).encode()
    code = json.dumps(__file__.split("/tests/")[0])[1:-1].encode()
    for file in exported.path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert folder not in content, file
            assert code not in content, file


def test_every_artefact_answers_every_signature(exported):
    entries = exported.report["artefacts"]
    assert {name: set(e["signatures"]) for name, e in entries.items()} == SIGNATURES
    assert {name: entry["file"] for name, entry in entries.items()} == FILES


@pytest.mark.parametrize(("name", "signature"), CASES)
def test_report_has_time_differences_and_agreement(exported, name, signature):
    entry = exported.report["artefacts"][name]["signatures"][signature]
    assert entry["milliseconds"] > 0
    assert entry["spread"] >= 0
    assert 0 <= entry["mean_difference"] <= entry["largest_difference"]
    kind = "onnx" if name.startswith("onnx") else name
    assert entry["largest_difference"] <= entry["tolerance"] == TOLERANCES[kind]
    assert entry["problem"] is None
    if signature.startswith("encode"):
        assert entry["agreement"] is None  # numbers hold no decisions
    else:
        assert 0.99 <= entry["agreement"] <= 1


@pytest.mark.parametrize("name", list(FILES)[1:])
def test_report_has_the_size_of_the_file(exported, name):
    entry = exported.report["artefacts"][name]
    assert entry["bytes"] == (exported.path / entry["file"]).stat().st_size


def test_report_has_the_size_of_the_saved_model_without_the_other_files(exported):
    folders = ("variables", "assets")
    files = [file for name in folders for file in (exported.path / name).iterdir()]
    files += [exported.path / name for name in ("saved_model.pb", "fingerprint.pb")]
    size = exported.report["artefacts"]["saved_model"]["bytes"]
    assert size == sum(file.stat().st_size for file in files)


def test_float_artefacts_equal_the_model_and_rounded_ones_nearly_do(exported):
    largest = {
        (name, signature): entry["largest_difference"]
        for name, artefact in exported.report["artefacts"].items()
        for signature, entry in artefact["signatures"].items()
    }
    # Sums of at most 216 float32 terms of order 1, in another order.
    for name, signature in CASES:
        if name in ("saved_model", "onnx", "onnx_encode", "litert_float32"):
            assert largest[name, signature] < 1e-5
    for signature in ("serving_default", "encode"):
        half, byte = ("litert_float16", signature), ("litert_int8", signature)
        assert 0 < largest[half] < largest[byte]


def test_a_difference_over_the_tolerance_leaves_nothing_and_carries_the_report(
    plain, images, tmp_path
):
    match = "^[^;]*litert_float16, serving_default: its largest difference[^;]*$"
    with pytest.raises(ExportError, match=match) as caught:
        export_model(
            plain,
            tmp_path / "models" / "tiny",
            {"images": images},
            formats=["litert"],
            tolerances={"litert_float16": 0.0},
        )
    entries = caught.value.report["artefacts"]
    assert len(entries) == 3
    entry = entries["litert_float16"]["signatures"]["serving_default"]
    assert entry["largest_difference"] > 0
    assert list(tmp_path.iterdir()) == []


def test_litert_has_the_size_of_the_examples(plain, images, tmp_path):
    said = []
    report = export_model(
        plain,
        tmp_path,
        {"images": images[:1, :8, :10]},
        formats="litert",
        progress=said.append,
    )
    assert report["examples"] == {"serving_default": {"images": [1, 8, 10, 3]}}
    assert sorted(report["artefacts"]) == [
        "litert_float16",
        "litert_float32",
        "litert_int8",
    ]
    assert not (tmp_path / "1" / "saved_model.pb").exists()
    shape, _ = load_artefact(tmp_path / "1" / "model_float32.tflite").signatures[
        "serving_default"
    ]["images"]
    assert shape == (None, 8, 10, 3)
    assert said[-1] == "running every artefact"


def test_a_model_that_answers_nan_is_refused(
    build_segmenter, make_signatures, images, tmp_path
):
    model = build_segmenter()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    with pytest.raises(ExportError, match="model itself gives NaN .* example 0, 1, 2"):
        export_model(
            make_signatures(model)[:1],
            tmp_path / "tiny",
            {"images": images},
            formats=["saved_model"],
        )
    assert list(tmp_path.iterdir()) == []


# Signatures of several inputs.


@pytest.mark.slow
def test_boolean_and_integer_inputs_go_into_every_format(tmp_path):
    keras.utils.set_random_seed(3)
    model = SuperpixelLabeller(3, num_features=4, units=5)
    random = np.random.default_rng(0)
    neighbours = np.stack([np.roll(np.arange(6), k) for k in (1, -1)], axis=-1)
    graphs = {
        "features": random.normal(size=(3, 6, 4)).astype("float32"),
        "neighbours": np.broadcast_to(neighbours, (3, 6, 2)).astype("int32"),
        "confidence": random.random((3, 6), "float32"),
        "mask": np.arange(6) < [[6], [4], [5]],
    }
    graphs["neighbours"] = np.where(
        np.take_along_axis(graphs["mask"][:, None], graphs["neighbours"], -1)
        & graphs["mask"][..., None],
        graphs["neighbours"],
        -1,
    ).astype("int32")
    report = export_model(superpixels.signatures(model), tmp_path, graphs)
    assert len(report["artefacts"]) == 5
    wanted = superpixels.signatures(model)[0](**graphs)
    for entry in report["artefacts"].values():
        path = tmp_path / "1"
        path = path if entry["file"] == "saved_model.pb" else path / entry["file"]
        predictor = load_artefact(path)
        dtypes = {
            name: dtype
            for name, (_, dtype) in predictor.signatures["serving_default"].items()
        }
        assert dtypes == {name: str(value.dtype) for name, value in graphs.items()}
        found = predictor.predict(graphs)
        tolerance = entry["signatures"]["serving_default"]["tolerance"]
        np.testing.assert_allclose(
            found["probabilities"], wanted["probabilities"], atol=tolerance
        )


def test_inputs_that_a_model_does_not_read_are_taken_all_the_same(tmp_path):
    inputs = keras.Input((4,))
    signature = Signature(
        "serving_default",
        keras.Model(inputs, keras.layers.Dense(2)(inputs)),
        lambda model, features, neighbours, mask: {"y": model(features)},
        {
            "features": Spec(("batch", 4), "float32"),
            "neighbours": Spec(("batch", 6), "int32"),
            "mask": Spec(("batch", 6), "bool"),
        },
        {"y": Spec(("batch", 2), "float32")},
    )
    examples = {
        "features": np.ones((2, 4), "float32"),
        "neighbours": np.full((2, 6), -1, "int32"),
        "mask": np.ones((2, 6), bool),
    }
    report = export_model([signature], tmp_path, examples)
    assert len(report["artefacts"]) == 5
    for entry in report["artefacts"].values():
        assert entry["signatures"]["serving_default"]["problem"] is None


def name_the_shade(model, images, prompt):
    """A string for every entry; strings are for SavedModels only."""
    import tensorflow as tf

    brightness = model(tf.cast(images, "float32"))[:, 0]
    words = tf.gather(
        tf.constant(["dark", "bright"]), tf.cast(brightness > 127, "int32")
    )
    return {
        "answer": tf.strings.join([prompt, words], separator=" "),
        "brightness": brightness,
    }


@pytest.fixture
def captioner():
    images = keras.Input((None, None, 3))
    means = keras.layers.GlobalAveragePooling2D()(images)
    weigh = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(1 / 3))
    return Signature(
        "serving_default",
        keras.Model(images, weigh(means), name="captioner"),
        name_the_shade,
        {
            "images": Spec(("batch", "height", "width", 3), "uint8", image=True),
            "prompt": Spec(("batch",), "string"),
        },
        {
            "answer": Spec(("batch",), "string"),
            "brightness": Spec(("batch",), "float32"),
        },
        formats=("saved_model",),
    )


@pytest.fixture
def questions():
    images = np.zeros((2, 4, 5, 3), "uint8")
    images[1] = 200
    return {"images": images, "prompt": ["This is", "Das ist für mich"]}


def test_strings_go_in_and_come_out_beside_images(captioner, questions, tmp_path):
    report = export_model([captioner], tmp_path, questions)
    assert list(report["artefacts"]) == ["saved_model"]
    for name in ("serving_default", "serving_bytes"):
        entry = report["artefacts"]["saved_model"]["signatures"][name]
        assert entry["agreement"] == 1
        assert entry["largest_difference"] < 1e-5
    found = load_artefact(tmp_path / "1").predict(questions)
    assert [text.decode() for text in found["answer"]] == [
        "This is dark",
        "Das ist für mich bright",
    ]
    text = (tmp_path / "1" / "report.md").read_text(encoding="utf-8")
    assert "| takes prompt | string (batch) |" in text
    assert "2x4x5x3 and 2" in text


def test_a_string_that_is_another_one_is_a_problem(
    captioner, questions, tmp_path, monkeypatch
):
    run = parity.run_artefacts

    def wrong(*args):
        results = run(*args)
        answer, _ = results["saved_model"]["serving_default"]
        answer["answer"][1] = b"Das ist falsch"
        return results

    monkeypatch.setattr(parity, "run_artefacts", wrong)
    match = "saved_model, serving_default: its answer differs in 1 of 2 entries"
    with pytest.raises(ExportError, match=match):
        export_model([captioner], tmp_path / "tiny", questions)
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_no_signature_is_for_is_refused(captioner, questions, tmp_path):
    match = "can be written as onnx. These signatures are for saved_model"
    with pytest.raises(ValueError, match=match):
        export_model([captioner], tmp_path, questions, formats=["saved_model", "onnx"])


def test_images_of_two_channels_are_exported_without_an_encoding(tmp_path):
    from tfrecvis.models import classification

    images = keras.Input((4, 4, 2))
    x = keras.layers.Flatten()(images)
    model = keras.Model(images, keras.layers.Dense(2)(x))
    report = export_model(
        classification.signatures(model),
        tmp_path,
        {"images": np.zeros((1, 4, 4, 2), "uint8")},
        formats="saved_model",
    )
    assert list(report["artefacts"]["saved_model"]["signatures"]) == ["serving_default"]


# The card travels.


def read_saved_model(path):
    return json.loads((path / "assets" / "model.json").read_text(encoding="utf-8"))


def read_archive(path):
    with zipfile.ZipFile(path / "model_int8.tflite") as archive:
        return json.loads(archive.read("model.json"))


def read_onnx(path):
    import onnx

    model = onnx.load(path / "model.onnx")
    return json.loads({p.key: p.value for p in model.metadata_props}["model.json"])


@pytest.mark.parametrize("read", [read_saved_model, read_archive, read_onnx])
def test_the_card_travels_inside_the_artefact(exported, read):
    card = read(exported.path)
    assert {key: card[key] for key in exported.card} == exported.card
    assert card["signatures"]["encode"]["images"] == {
        "axes": ["batch", "height", "width", 3],
        "dtype": "uint8",
        "image": True,
    }
