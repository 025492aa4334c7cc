"""What `tfrecvis benchmark captioning` races says the same sentences."""

import json

import keras
import numpy as np
import pytest

from tfrecvis import models
from tfrecvis.models import captioning
from tfrecvis.tools import benchmark
from tfrecvis.tools.benchmark import captioners

WORDS = ["", "[UNK]", "[start]", "[end]", "a", "red", "dog"]


@pytest.mark.parametrize("beam_width", [1, 4])
def test_a_loop_of_python_says_what_the_search_in_the_graph_says(beam_width):
    keras.utils.set_random_seed(3)
    model = models.ShowAndTell(
        WORDS, backbone_filters=(8, 8), backbone_blocks=(0, 0), units=8
    )
    logits = model.get_layer("decoder").word_logits
    logits.kernel.assign(30 * logits.kernel)
    logits.bias.assign(-4 * keras.ops.one_hot(3, len(WORDS)))  # a late end
    search, _, encode, step = captioning.signatures(model, beam_width, max_steps=5)
    lengths = []
    for photo in np.random.default_rng(0).integers(0, 256, (6, 1, 9, 8, 3), "uint8"):
        found = captioners.python_search(encode, step, photo, beam_width, 5)
        answer = search(images=photo)
        np.testing.assert_array_equal(found, answer["tokens"])
        lengths += np.asarray(answer["lengths"]).tolist()
    assert max(lengths) > 2


def test_a_contender_that_says_something_else_is_named():
    said = {"eager": np.array([[4, 5, 0]]), "xla": np.array([[4, 6, 0]])}
    with pytest.raises(RuntimeError, match="LRCN, beam 5: xla says other words"):
        captioners.check_equal(said, "LRCN", "beam 5")


def test_every_captioner_is_raced():
    builders = set(captioning.__all__) & set(models.__all__)
    assert set(captioners.CAPTIONERS) == builders


@pytest.mark.slow
def test_report_on_captioning_is_written_and_printed(tmp_path, capsys, monkeypatch):
    sizes = {"SIZE": 32, "WORDS": 60, "STEPS": 6, "BATCH": 2}
    for name, size in sizes.items():
        monkeypatch.setattr(captioners, name, size)
    path = tmp_path / "report.json"
    arguments = ["captioning", "--only", "attend", "--rounds", "1"]
    assert benchmark.main([*arguments, "--output", str(path)]) == 0
    (row,) = json.loads(path.read_text())["captioners"]
    assert set(row["training"]) == {"graph", "xla"}
    contenders = {*captioners.IN_GRAPH, *captioners.LOOPS}
    for search in captioners.BEAMS:
        assert set(row["decoding"][search]["times"]) == contenders
    assert "| ShowAttendTell | beam 5 |" in capsys.readouterr().out
