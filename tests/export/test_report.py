"""The report beside the artefacts: whole, readable, and its calls run."""

import json

import numpy as np
import pytest

from tfrecvis.export.report import markdown


@pytest.fixture(scope="module")
def text(exported):
    return (exported.path / "report.md").read_text(encoding="utf-8")


def test_report_json_is_what_export_model_returns(exported):
    text = (exported.path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text) == exported.report


def test_report_md_is_made_of_report_json_only(exported, text):
    stored = (exported.path / "report.json").read_text(encoding="utf-8")
    assert markdown(json.loads(stored)) == text


def test_report_has_a_row_for_each_artefact_signature_and_class(exported, text):
    for name, artefact in exported.report["artefacts"].items():
        for signature in artefact["signatures"]:
            assert f"\n| {name} | {signature} | {artefact['file']} | " in text
    for signature in ("serving_default", "serving_bytes", "encode", "encode_bytes"):
        assert f"\n| Keras model | {signature} | " in text
        assert f"\n## {signature}\n" in text
    assert "\n| 2 | tree |" in text


def test_report_names_the_model_its_parameters_and_its_examples(
    exported, segmenter, text
):
    assert text.startswith("# tiny, version 3\n\nThree classes, für Tests\n")
    assert f"\n{segmenter.count_params()} parameters." in text
    assert "serving_default on 5x18x26x3, encode on 3x18x26x3" in text


def test_report_says_what_each_signature_takes_and_gives(text):
    assert "\n| takes images | uint8 (batch, height, width, 3) |" in text
    assert "\n| takes image_bytes | string (batch) |" in text
    assert "\n| gives features | float32 (batch, rows, columns, 16) |" in text
    assert "In the LiteRT files, per entry of the batch: images 18x26x3." in text


def test_every_row_of_a_table_has_as_many_cells_as_its_head(text):
    tables = text.split("\n\n")
    for table in (part.splitlines() for part in tables if part.startswith("| ")):
        assert len({line.count("|") for line in table}) == 1, table[0]


def calls(text):
    """The Python blocks of a report: (signature, format, code)."""
    found, signature, kind = [], None, None
    for part in text.split("\n\n"):
        if part.startswith("## "):
            signature = part[3:]
        elif part.endswith(":") and "\n" not in part:
            kind = part[:-1]
        elif part.startswith("```python\n"):
            found.append((signature, kind, part[10:-3]))
    return found


@pytest.mark.slow
def test_the_calls_in_the_report_run(exported, text, images, monkeypatch):
    import tensorflow as tf

    monkeypatch.chdir(exported.path)
    encoded = np.array([tf.io.encode_png(image).numpy() for image in images], object)
    blocks = calls(text)
    assert {(signature, kind) for signature, kind, _ in blocks} == {
        *(("serving_default", kind) for kind in ("saved_model", "litert", "onnx")),
        *(("encode", kind) for kind in ("saved_model", "litert", "onnx")),
        ("serving_bytes", "saved_model"),
        ("encode_bytes", "saved_model"),
    }
    for signature, kind, code in blocks:
        names = {"images": images, "image_bytes": encoded}
        exec(code.replace('"this folder"', '"."'), names)
        answer = names["answer"]
        if isinstance(answer, list):  # of ONNX Runtime
            assert len(answer) == (1 if signature == "encode" else 2), kind
        else:
            key = "features" if signature.startswith("encode") else "labels"
            wanted = getattr(exported, key)
            np.testing.assert_allclose(answer[key], wanted, atol=1e-3)


def test_tokens_become_words_as_the_report_says(exported, text, tmp_path, monkeypatch):
    assert "## Words" not in text
    words = ["", "[UNK]", "[start]", "[end]", "a", "dog"]
    card = {**exported.report["card"], "words": words}
    text = markdown({**exported.report, "card": card})
    code = text.partition("## Words")[2].partition("```python\n")[2].partition("```")[0]
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "model.json").write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names = {"tokens": np.array([[4, 5, 0], [5, 0, 0]], "int32")}
    exec(code, names)
    assert names["captions"] == ["a dog", "dog"]
