"""ClipClassifier: frames, their order, their mean, padding, exports, errors."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfrecvis.export import export_model
from tfrecvis.models import ClipClassifier, clips

SMALL = {"backbone_filters": (4, 8), "backbone_blocks": (0, 0), "feature_units": 12}
SMALL |= {"units": 6, "input_shape": (16, 12, 3)}
LENGTHS = (5, 3, 1)

JAX = """
import sys
import keras, numpy as np
from tfrecvis.models import clips

assert keras.backend.backend() == "jax"
folder = sys.argv[1]
given = dict(np.load(f"{folder}/given.npz"))
model = keras.models.load_model(f"{folder}/model.keras")
answer = clips.signatures(model)[0](clips=given["clips"])
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
history = model.fit(given["clips"], given["targets"], verbose=0)
np.savez(f"{folder}/jax.npz", loss=history.history["loss"], **answer)
"""


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def batch(lengths=LENGTHS):
    """Clips of noise, shorter ones filled up with zeros."""
    drawn = np.random.default_rng(0).integers(1, 256, (len(lengths), 5, 16, 12, 3))
    for clip, length in zip(drawn, lengths, strict=True):
        clip[length:] = 0
    return drawn.astype("uint8")


def probabilities(model, given):
    return numpy(clips.signatures(model)[0](clips=given)["probabilities"])


@pytest.fixture(scope="module", params=["lstm", "none"])
def model(request):
    keras.utils.set_random_seed(0)
    return ClipClassifier(4, request.param, **SMALL)


@pytest.fixture(scope="module")
def lstm():
    keras.utils.set_random_seed(0)
    return ClipClassifier(4, **SMALL)


def loop_over_frames(logits, lengths):
    """The mean of the probabilities of each clip's frames, one after the other."""
    answers = np.zeros((len(logits), logits.shape[-1]))
    for clip, length in enumerate(lengths):
        for frame in range(length):
            powers = np.exp(logits[clip, frame].astype("float64"))
            answers[clip] += powers / powers.sum() / length
    return answers


def test_answer_matches_the_numpy_loop(model):
    given = batch()
    expected = loop_over_frames(numpy(model(given)), LENGTHS)
    answer = clips.signatures(model)[0](clips=given)
    found = numpy(answer["probabilities"])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(numpy(answer["labels"]), expected.argmax(-1))


def test_padding_of_a_clip_changes_nothing(model):
    given = batch()
    for number, length in enumerate(LENGTHS):
        alone = given[number : number + 1, :length]
        np.testing.assert_allclose(
            probabilities(model, given)[number : number + 1],
            probabilities(model, alone),
            rtol=1e-5,
            atol=1e-6,
        )


def test_frame_of_zeros_is_passed_over_and_the_first_one_counts(model):
    given = batch((5, 5, 5))
    dark = np.insert(given, 2, 0, axis=1)
    expected = probabilities(model, given)
    np.testing.assert_allclose(probabilities(model, dark), expected, rtol=1e-5)
    assert numpy(clips.real_frames(dark * 0)).tolist() == [[True, *[False] * 5]] * 3
    assert np.isfinite(probabilities(model, dark * 0)).all()


def test_twin_names_each_frame_by_itself():
    twin = ClipClassifier(4, "none", **SMALL)
    given = batch((5, 5, 5))
    together = numpy(twin(given))
    for frame in range(5):
        alone = numpy(twin(given[:, frame : frame + 1]))
        np.testing.assert_allclose(together[:, frame : frame + 1], alone, rtol=1e-5)


def test_order_of_the_frames_matters_to_the_lstm_only(model):
    given = batch((5, 5, 5))
    forward, backward = (probabilities(model, x) for x in (given, given[:, ::-1]))
    recurrent = any(layer.name == "lstm" for layer in model.layers)
    assert np.allclose(forward, backward, rtol=1e-5) != recurrent


def test_frame_does_not_see_what_comes_later(lstm):
    given = batch((5, 5, 5))
    changed = given.copy()
    changed[:, 3] = 255 - changed[:, 3]
    before, after = numpy(lstm(given)), numpy(lstm(changed))
    np.testing.assert_allclose(before[:, :3], after[:, :3], rtol=1e-5)
    assert (before[:, 3:] != after[:, 3:]).any(-1).all()


def test_model_is_saved_whole_and_answers_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    given = batch()
    np.testing.assert_array_equal(numpy(loaded(given)), numpy(model(given)))
    np.testing.assert_array_equal(
        probabilities(loaded, given), probabilities(model, given)
    )


@pytest.mark.slow
def test_fit_tells_clips_from_the_same_clips_backwards():
    keras.utils.set_random_seed(0)
    model = ClipClassifier(2, **SMALL, context_units=2, context_layers=1, dropout=0.1)
    given = batch((5, 5, 5))
    given = np.concatenate([given, given[:, ::-1]])
    classes = np.repeat([0, 1], 3)
    loss = keras.losses.SparseCategoricalCrossentropy(True)
    model.compile(keras.optimizers.Adam(0.02), loss)
    targets = np.repeat(classes[:, None], given.shape[1], axis=1)
    model.fit(given, targets, epochs=40, verbose=0)
    assert probabilities(model, given).argmax(-1).tolist() == classes.tolist()


@pytest.mark.slow
def test_every_artefact_answers_as_the_model(model, exports_here, tmp_path):
    # Fails where an artefact differs by more than its tolerance.
    with exports_here():
        export_model(clips.signatures(model), tmp_path / "e", {"clips": batch()})


@pytest.mark.slow
def test_jax_answers_and_trains_alike(lstm, tmp_path):
    given = batch()
    targets = np.ones(given.shape[:2], "int32")
    np.savez(tmp_path / "given.npz", clips=given, targets=targets)
    lstm.save(tmp_path / "model.keras")
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-c", JAX, tmp_path], env=environment, check=True)
    found = np.load(tmp_path / "jax.npz")
    expected = probabilities(lstm, given)
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-4, atol=1e-5)
    trained = keras.models.load_model(tmp_path / "model.keras")
    trained.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    history = trained.fit(given, targets, verbose=0)
    np.testing.assert_allclose(found["loss"], history.history["loss"], rtol=1e-4)


def test_other_models_have_no_signature_of_clips():
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, keras.layers.Flatten()(images))
    with pytest.raises(ValueError, match=r"`model` must take \(batch, frames, height"):
        clips.signatures(model)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes`.*at least 2"),
        ({"recurrence": "gru"}, "`recurrence` must be"),
        ({"feature_units": 0}, "`feature_units` must be"),
        ({"units": 0}, "`units` must be"),
        ({"dropout": 1.0}, "`dropout` must be"),
        ({"input_shape": (None, None, 3)}, "`input_shape` must be"),
        ({"input_shape": (16, 16, 1)}, "`input_shape` must be"),
        ({"backbone": "vgg"}, "`backbone` must be"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClipClassifier(**{"num_classes": 3, **SMALL, **arguments})
