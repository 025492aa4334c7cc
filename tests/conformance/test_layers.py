"""What every layer of the package can do, swept over `cases.CASES`."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import backend_run
from conformance.cases import CASES
from reference.graphs import operators
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

import tfrecvis
from tfrecvis.ops import lowering

TESTS = Path(__file__).resolve().parents[1]
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)

# Gates and states are rounded once a step, over some 20 steps; the outputs are near 1.
TOLERANCE = {"float16": 20 * 2**-10, "bfloat16": 20 * 2**-7}


def numpy(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def test_every_layer_of_the_package_is_swept():
    public = {getattr(tfrecvis.layers, name) for name in tfrecvis.layers.__all__}
    assert {case.layer for case in CASES.values()} == public


@every_case
def test_config_holds_every_argument(case):
    layer = case.layer(**case.arguments)
    parameters = inspect.signature(case.layer).parameters
    own = {n for n, p in parameters.items() if p.kind is not p.VAR_KEYWORD}
    config = layer.get_config()
    assert own <= set(config)
    for name, value in case.arguments.items():
        assert value != parameters[name].default
        assert config[name] == value
    again = case.layer.from_config(config)
    assert again.get_config() == config


def test_every_argument_is_given_by_some_case():
    for layer in {case.layer for case in CASES.values()}:
        parameters = inspect.signature(layer).parameters
        own = {n for n, p in parameters.items() if p.kind is not p.VAR_KEYWORD}
        given = [c.arguments for c in CASES.values() if c.layer is layer]
        assert own == set().union(*given)


@every_case
def test_keras_file_gives_the_same_layer_and_numbers(case, tmp_path):
    model = case.model(case.make())
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[-1].get_config() == model.layers[-1].get_config()
    np.testing.assert_array_equal(
        numpy(again(case.images())), numpy(model(case.images()))
    )


@every_case
def test_output_shape_is_the_one_computed_before(case):
    layer = case.make()
    for size in (case.size[:2], case.other_size):
        images = case.images(size)
        assert layer.compute_output_shape(images.shape) == tuple(layer(images).shape)
    channels = case.size[-1]
    computed = layer.compute_output_shape((None, None, None, channels))
    assert computed == case.model(layer).output_shape
    assert computed[:-1] == (None, None, None)


@every_case
def test_one_trace_takes_every_batch_and_size(case):
    layer = case.make()
    graph = tf.function(
        lambda x: layer(x),
        input_signature=[tf.TensorSpec((None, None, None, case.size[-1]))],
    )
    for size, batch in ((case.size[:2], 2), (case.other_size, 3)):
        images = case.images(size, batch)
        np.testing.assert_allclose(graph(images), layer(images), atol=1e-5)


@every_case
def test_fit_moves_every_weight(case):
    layer = case.make()
    before = [w.value.numpy() for w in layer.trainable_weights]
    model = case.model(layer, case.size[:2])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=True)
    target = np.zeros(layer.compute_output_shape(case.images().shape))
    history = model.fit(case.images(), target, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for weight, old in zip(layer.trainable_weights, before, strict=True):
        assert np.abs(weight.value.numpy() - old).max() > 0, weight.path


@every_case
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
def test_half_precision_stays_near_float32(case, policy):
    half, full = case.make(dtype=policy), case.make()
    dtype = policy.removeprefix("mixed_")
    y = half(case.images())
    assert y.dtype == dtype
    assert half.weights[0].dtype == ("float32" if "mixed" in policy else dtype)
    np.testing.assert_allclose(
        numpy(y), numpy(full(case.images())), atol=TOLERANCE[dtype]
    )


@every_case
def test_saved_model_takes_every_batch_and_size(case, tmp_path):
    model = case.model(case.make())
    model.export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    for size, batch in ((case.size[:2], 2), (case.other_size, 3)):
        images = case.images(size, batch)
        np.testing.assert_allclose(loaded.serve(images), model(images), atol=1e-5)


@every_case
def test_litert_file_has_builtins_alone_and_takes_every_batch(case, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    layer = case.make()
    with lowering("buffer"):
        graph = tf.function(
            lambda images: {"y": layer(images)},
            input_signature=[tf.TensorSpec((None, *case.size), name="images")],
        ).get_concrete_function()
    assert operators(graph, "TensorList") == 0
    # Variables that a WHILE reads come out as NaN unless they are frozen first.
    frozen = convert_variables_to_constants_v2(graph)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], layer)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    path = tmp_path / "layer.tflite"
    path.write_bytes(converter.convert())
    for batch in (1, 3):
        interpreter = Interpreter(str(path))
        (place,) = interpreter.get_input_details()
        interpreter.resize_tensor_input(place["index"], (batch, *case.size))
        interpreter.allocate_tensors()
        images = case.images(batch=batch)
        interpreter.set_tensor(place["index"], images)
        interpreter.invoke()
        (result,) = interpreter.get_output_details()
        got = interpreter.get_tensor(result["index"])
        np.testing.assert_allclose(got, layer(images), atol=1e-5)


@pytest.fixture(scope="module")
def both_backends(tmp_path_factory):
    """What one process under JAX computes for all cases, and what TensorFlow does."""
    path = tmp_path_factory.mktemp("jax") / "results.npz"
    roots = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "conformance.backend_run", str(path)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": os.pathsep.join(roots),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = dict(np.load(path))
    assert theirs.pop("backend") == "jax"
    return theirs, backend_run.results()


@pytest.mark.parametrize("name", CASES)
def test_jax_gives_the_same_numbers_and_gradients(name, both_backends):
    theirs, ours = (
        {k: v for k, v in results.items() if k.startswith(f"{name}/")}
        for results in both_backends
    )
    assert set(theirs) == set(ours)
    assert len(ours) > 2
    for key, expected in ours.items():
        # Sums over all pixels, in another order: relative to the largest entry.
        np.testing.assert_allclose(
            theirs[key], expected, atol=1e-5 * max(1, np.abs(expected).max())
        )
