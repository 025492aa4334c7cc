"""Whole models under XLA and under JAX: what they give, and a step of training."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfrecvis.losses import SegmentationCrossEntropy, YOLOv2Loss
from tfrecvis.models import ReSeg, YOLOv2

PRIORS = [(10.0, 12.0), (40.0, 30.0)]
SMALL = {"units": 4, "backbone_blocks": (0, 0, 0, 0)}
RATE = 0.1

# Arguments: the folder of the model, and the file of the results.
JAX = """
import sys
import keras, numpy as np
import tfrecvis

assert keras.backend.backend() == "jax"
folder, results = sys.argv[1:]
given = dict(np.load(f"{folder}/batch.npz"))
model = keras.models.load_model(f"{folder}/model.keras")
answer = model.predict(given["images"], verbose=0)
history = model.fit(given["images"], given["truth"], verbose=0)
weights = {str(n): np.asarray(w) for n, w in enumerate(model.trainable_weights)}
np.savez(results, answer=answer, loss=history.history["loss"], **weights)
"""


def segmenter():
    filters = {"backbone_filters": (6, 8, 8, 8), "decoder_filters": (6, 6)}
    model = ReSeg(5, **filters, **SMALL)
    truth = np.random.default_rng(1).integers(0, 5, (2, 37, 50), "int32")
    truth[:, :9] = 255  # void
    return model, SegmentationCrossEntropy(), truth


def detector():
    filters = {"backbone_filters": (6, 8, 8, 8), "head_filters": 8, "passthrough": 4}
    model = YOLOv2(3, PRIORS, **filters, **SMALL)
    truth = np.full((2, 3, 5), -1, "float32")
    truth[0, :2] = [[4, 6, 30, 34, 1], [25, 10, 44, 30, 0]]
    return model, YOLOv2Loss(PRIORS, 16), truth


@pytest.fixture(params=[segmenter, detector], ids=["ReSeg", "YOLOv2"])
def case(request):
    """Function of `jit_compile` that gives a compiled model; images; truth."""
    keras.utils.set_random_seed(4)
    model, loss, truth = request.param()
    # Weights at random everywhere, so that no part of the model is silent.
    rng = np.random.default_rng(2)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    images = rng.integers(0, 256, (2, 37, 50, 3), "uint8")
    begun = model.get_weights()

    def compiled(jit_compile):
        model.set_weights(begun)
        sgd = keras.optimizers.SGD(RATE, clipnorm=1.0)
        model.compile(sgd, loss, jit_compile=jit_compile)
        return model

    return compiled, images, truth


def weights_of(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.trainable_weights]


def step(model, images, truth):
    """The loss of one step, and the weights after it."""
    history = model.fit(images, truth, verbose=0)
    return history.history["loss"], weights_of(model)


def check(loss, weights, expected_loss, expected_weights, begun):
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4)
    moved = []
    for weight, expected, old in zip(weights, expected_weights, begun, strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-4)
        moved.append(np.abs(weight - old).max() > 1e-4)
    assert np.mean(moved) > 0.5


@pytest.mark.slow
def test_xla_trains_as_without(case):
    compiled, images, truth = case
    model = compiled(jit_compile=False)
    begun = weights_of(model)
    expected = step(model, images, truth)
    check(*step(compiled(jit_compile=True), images, truth), *expected, begun)


@pytest.mark.slow
def test_jax_answers_and_trains_as_tensorflow(case, tmp_path):
    pytest.importorskip("jax")
    compiled, images, truth = case
    model = compiled(jit_compile=False)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "batch.npz", images=images, truth=truth)
    done = subprocess.run(
        [sys.executable, "-c", JAX, str(tmp_path), str(tmp_path / "results.npz")],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = dict(np.load(tmp_path / "results.npz"))
    answer = model.predict(images, verbose=0)
    scale = np.abs(answer).max()
    np.testing.assert_allclose(found.pop("answer"), answer, atol=1e-5 * scale)
    begun = weights_of(model)
    expected = step(model, images, truth)
    loss = found.pop("loss")
    weights = [found[str(number)] for number in range(len(found))]
    check(loss, weights, *expected, begun)
