"""Ours beside tensorflow-addons, on the same numbers: `make parity`."""

import os
import pathlib
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfrecvis.layers import SoftAttention
from tfrecvis.ops import LSTMDirection, beam_search, box_overlap, lstm

HERE = pathlib.Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / ".venv-parity"
START, END = 1, 2

pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(
        not (ENVIRONMENT / ".installed").exists(),
        reason="needs tensorflow-addons in .venv-parity, which `make parity` makes",
    ),
]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """A function of a case's name: its inputs and outputs by name."""
    path = tmp_path_factory.mktemp("oracle") / "numbers.npz"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "TF_ADDONS_PY_OPS": "1"}
    command = [ENVIRONMENT / "bin" / "python", HERE / "oracle.py", path]
    subprocess.run(command, check=True, env=environment)
    with np.load(path) as numbers:
        found = dict(numbers)

    def case(name):
        start = f"{name}/"
        return {
            key.removeprefix(start): value
            for key, value in found.items()
            if key.startswith(start)
        }

    return case


def search(given):
    """`beam_search` over the step that the oracle ran."""

    def step(tokens, h):
        h = ops.tanh(ops.take(given["embeddings"], tokens, 0) + h @ given["recurrent"])
        return h @ given["kernel"], h

    width = given["tokens"].shape[1]
    return beam_search(
        step,
        ops.convert_to_tensor(given["h"]),
        START,
        END,
        int(given["steps"]),
        beam_width=width,
        length_power=float(given["length_power"]),
        num_results=width,
    )


@pytest.mark.parametrize("case", ["beam1", "beam5", "beam3_normalised"])
def test_beam_search_is_that_of_beam_search_decoder(oracle, case):
    # It pads with the end token, and its lengths count that of a sentence that ended.
    # So do its penalties from the step after the end on, where ours count words: the
    # sums of logarithms are compared.
    given = oracle(case)
    found = [ops.convert_to_numpy(x) for x in search(given)]
    tokens, scores, lengths = found
    theirs = given["tokens"]
    ended = np.maximum.accumulate(theirs == END, -1)
    assert ended.any() and not ended[..., -1].all()  # both kinds are among them
    np.testing.assert_array_equal(tokens, np.where(ended, 0, theirs))
    np.testing.assert_array_equal(lengths, given["lengths"] - ended[..., -1])
    sums = scores * ((5 + lengths) / 6) ** given["length_power"]
    np.testing.assert_allclose(sums, given["log_probs"], atol=1e-5)


@pytest.mark.parametrize("case", ["attention", "attention_normalised"])
def test_soft_attention_is_bahdanau_attention_with_a_gate(oracle, case):
    # Without `normalize` it has no bias; with it, the score's kernel is g v / |v|. A
    # gate that is open, beta = 1, leaves the context as it is.
    given = oracle(case)
    score = given["v"]
    if "g" in given:
        score = given["g"] * score / np.linalg.norm(score)
    layer = SoftAttention(len(score))
    mask = np.arange(given["memory"].shape[1]) < given["lengths"][:, None]
    layer(given["memory"], hidden=given["query"])
    layer.annotation_kernel.assign(given["annotation_kernel"])
    layer.hidden_kernel.assign(given["hidden_kernel"])
    layer.bias.assign(given.get("b", np.zeros(len(score))))
    layer.score_kernel.assign(score[:, None])
    layer.gate_kernel.assign(0 * layer.gate_kernel)
    layer.gate_bias.assign([50.0])
    z, alpha = layer(given["memory"], hidden=given["query"], mask=mask)
    np.testing.assert_allclose(alpha, given["alpha"], atol=1e-6)
    np.testing.assert_allclose(z, given["context"], atol=1e-5)


def test_focal_loss_of_keras_times_the_classes_is_sigmoid_focal_cross_entropy(oracle):
    # Keras averages over the last axis, where tensorflow-addons sums.
    given = oracle("focal_loss")
    focal = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True,
        alpha=0.3,
        gamma=1.5,
        from_logits=True,
        reduction="none",
    )
    x = tf.constant(given["logits"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = focal(given["targets"], x) * x.shape[-1]
    np.testing.assert_allclose(loss, given["loss"], rtol=1e-4, atol=1e-6)
    gradient = tape.gradient(loss, x)
    np.testing.assert_allclose(gradient, given["gradient"], rtol=1e-3, atol=1e-5)


def test_one_minus_the_generalised_overlap_is_giou_loss(oracle):
    # Boxes are xyxy here and yxyx there; gradients are automatic.
    given = oracle("giou_loss")
    x = tf.constant(given["boxes"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = 1 - box_overlap(x, given["others"], kind="giou")
    assert loss.shape == given["loss"].shape
    np.testing.assert_allclose(loss, given["loss"], atol=1e-5)
    # Where two boxes are equal, a maximum has two gradients.
    gradient = tape.gradient(loss, x)[1:]
    np.testing.assert_allclose(gradient, given["gradient"][1:], atol=1e-5)


def test_lstm_with_peepholes_is_peephole_lstm_cell(oracle):
    given = oracle("peephole_lstm")
    x = np.swapaxes(given["x"], 0, 1)
    zeros = ops.zeros_like(given["last_h"])
    names = [f"{gate}_gate_peephole_weights" for gate in ("input", "forget", "output")]
    direction = LSTMDirection(
        ops.convert_to_tensor(x),
        given["recurrent_kernel"],
        zeros,
        zeros,
        given["kernel"],
        given["bias"],
        peepholes=np.stack([given[name] for name in names]),
    )
    ((y, last_h, last_c),) = lstm([direction])
    np.testing.assert_allclose(np.swapaxes(y, 0, 1), given["y"], atol=1e-5)
    np.testing.assert_allclose(last_h, given["last_h"], atol=1e-5)
    np.testing.assert_allclose(last_c, given["last_c"], atol=1e-5)
