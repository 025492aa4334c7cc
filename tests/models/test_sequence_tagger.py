"""SequenceTagger: any length, no sight of what comes later, a twin, errors."""

import keras
import numpy as np
import pytest

from tfrecvis.models import SequenceTagger


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def saved(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("steps", [1, 5, 9])
@pytest.mark.parametrize("recurrence", ["grid", "stacked"])
def test_tagger_answers_at_every_step_of_any_sequence(recurrence, steps, tmp_path):
    model = SequenceTagger(7, recurrence, units=6, depth=2)
    tokens = np.arange(2 * steps).reshape(2, steps) % 7
    logits = numpy(model(tokens))
    assert logits.shape == (2, steps, 7)
    np.testing.assert_array_equal(numpy(saved(model, tmp_path)(tokens)), logits)


@pytest.mark.parametrize("recurrence", ["grid", "stacked"])
def test_tagger_does_not_see_what_comes_later(recurrence):
    model = SequenceTagger(7, recurrence, units=6, depth=2)
    tokens = np.array([[1, 2, 3, 4, 5]])
    changed = np.array([[1, 2, 3, 6, 0]])
    before, after = numpy(model(tokens)), numpy(model(changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(-1).all()


@pytest.mark.parametrize(
    ("num_tokens", "units", "depth", "tied"),
    [(11, 64, 6, True), (17, 32, 2, True), (65, 100, 3, True), (11, 40, 3, False)],
)
def test_stacked_twin_has_as_many_parameters(num_tokens, units, depth, tied):
    grid, stacked = (
        SequenceTagger(num_tokens, kind, units, depth, tied).count_params()
        for kind in ("grid", "stacked")
    )
    assert stacked == pytest.approx(grid, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_tokens": 1}, "`num_tokens`.*at least 2"),
        ({"recurrence": "lstm"}, "`recurrence` must be"),
        ({"units": 0}, "`units` must be"),
        ({"depth": 1.5}, "`depth` must be"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SequenceTagger(**{"num_tokens": 5, **arguments})


def test_stacked_twin_has_as_many_layers():
    model = SequenceTagger(7, "stacked", units=6, depth=3)
    lstms = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]
    assert len(lstms) == 3
