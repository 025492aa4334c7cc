"""The columns of the support matrix: one check each, which raises where a case fails.

A check takes `(name, case, folder)`; the folder is empty and its own. `case.built` and
`case.outputs` are shared by all checks: a check that changes a layer makes one.
"""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import backend_run
from conformance.case import call, flat
from conformance.sweep import CASES
from reference.graphs import operators
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from tfrecvis.ops import lowering

TESTS = Path(__file__).resolve().parents[1]

# Gates and states are rounded once per step, over about 20 steps; outputs are near 1.
TOLERANCE = {"float16": 20 * 2**-10, "bfloat16": 20 * 2**-7}


def near(got, expected, atol=1e-5):
    got, expected = flat(got), flat(expected)
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape
        # Relative to the largest entry: sums over all positions, in another order.
        scale = max(1, np.abs(b).max(initial=0))
        np.testing.assert_allclose(a, b, atol=atol * scale, rtol=0)


SIZES = (2, False), (3, True)  # batch, and whether the other sizes have changed


def samples(case):
    return [case.sample(*size) for size in SIZES]


def specs(case, static=False):
    """Input signature by name; with `static`, only the batch stays open."""

    def spec(symbol, value, name):
        shape = (None, *value.shape[1:]) if static else symbol.shape
        return tf.TensorSpec(shape, symbol.dtype, name)

    shapes, sample = case.shapes(), case.sample()
    leaves = zip(keras.tree.flatten(shapes), keras.tree.flatten(sample), strict=True)
    named = [spec(*leaf, name=f"input_{n}") for n, leaf in enumerate(leaves)]
    return keras.tree.pack_sequence_as(shapes, named)


def tensorflow(name, case, folder):
    """Eager, one traced graph for every batch and size, and one of fixed sizes."""
    layer = case.built
    graph = tf.function(lambda x: call(layer, x), input_signature=[specs(case)])
    for size in SIZES:
        sample, outputs = case.sample(*size), case.outputs(*size)
        assert all(np.isfinite(y).all() for y in flat(outputs))
        near(graph(sample), outputs)
    # TensorFlow's graph optimiser does more, and goes wrong more, where it knows sizes.
    tensors = keras.tree.map_structure(tf.constant, sample)
    near(tf.function(lambda x: call(layer, x))(tensors), outputs)


def xla(name, case, folder):
    """Outputs and gradients, compiled as one, are those of eager calls."""
    layer, sample = case.make(**case.quiet), case.sample()
    compiled = tf.function(backend_run.both_tensorflow, jit_compile=True)
    outputs, gradients = compiled(layer, sample)
    expected, expected_gradients = backend_run.both_tensorflow(layer, sample)
    near(outputs, expected)
    near(gradients, expected_gradients, atol=2e-5)


def jax(name, case, folder):
    """The same numbers and gradients from one process under JAX."""
    slow = case.slow("JAX")
    theirs, ours = (
        {k: v for k, v in found.items() if k.startswith(f"{name}/")}
        for found in (process_of_jax(slow)[0], results_of_tensorflow(slow))
    )
    assert set(theirs) == set(ours)
    assert ours
    for key, expected in ours.items():
        near(theirs[key], expected, atol=2e-5)


def cuda_and_tpu(name, case, folder):
    """Outputs and gradients are lowered for CUDA and TPU, by that process under JAX."""
    assert not process_of_jax(case.slow("CUDA and TPU"))[1][name]


results_of_tensorflow = functools.cache(backend_run.results)


@functools.cache
def process_of_jax(slow):
    """Results, and errors of lowering by name, of the slow cases or the others."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "results.npz"
        roots = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        done = subprocess.run(
            [sys.executable, "-m", "conformance.backend_run", str(path), str(slow)],
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
        found = dict(np.load(path))
    assert found.pop("backend") == "jax"
    names, errors = found.pop("lowered"), found.pop("lowering_errors")
    return found, dict(zip(names.tolist(), errors.tolist(), strict=True))


def half_precision(name, case, folder):
    """mixed_float16, mixed_bfloat16 and bfloat16 stay near float32."""
    sample = case.sample()
    expected = case.outputs()
    for policy in ("mixed_float16", "mixed_bfloat16", "bfloat16"):
        half = case.make(dtype=policy)
        dtype = policy.removeprefix("mixed_")
        outputs = call(half, sample)
        for y in keras.tree.flatten(outputs):
            floats = "float32" if case.keeps_float32 else dtype
            assert keras.backend.standardize_dtype(y.dtype) in (floats, "int32")
        for weight in half.trainable_weights:
            assert weight.dtype == ("float32" if "mixed" in policy else dtype)
        near(outputs, expected, TOLERANCE[dtype])


def saved_model(name, case, folder):
    """`model.export` gives a SavedModel that takes every batch and size."""
    model = case.model(case.built)
    model.export(folder / "saved", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(folder / "saved")
    for size in SIZES:
        near(loaded.serve(case.sample(*size)), case.outputs(*size))


@functools.cache  # LiteRT and ONNX share the trace
def _exported(case):
    """A function of the flat inputs, open in its batch only, and its signature."""
    signature = specs(case, static=True)
    leaves = keras.tree.flatten(signature)
    layer = case.built  # outside of the trace

    def predict(*values):
        inputs = keras.tree.pack_sequence_as(signature, values)
        with lowering("buffer"):
            return tuple(keras.tree.flatten(call(layer, inputs)))

    return tf.function(predict, input_signature=leaves), leaves


def litert(name, case, folder):
    """Builtin operators only, every batch; the sizes are fixed at the export."""
    from ai_edge_litert.interpreter import Interpreter

    graph = _exported(case)[0].get_concrete_function()
    assert operators(graph, "TensorList") == 0
    # Variables that a WHILE reads come out as NaN unless they are frozen first.
    frozen = convert_variables_to_constants_v2(graph, lower_control_flow=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], case.built)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    path = folder / "layer.tflite"
    path.write_bytes(converter.convert())
    for batch in (1, 3):
        sample = case.sample(batch)
        values = keras.tree.flatten(sample)
        interpreter = Interpreter(str(path))
        places = _by_number(interpreter.get_input_details())
        for place, value in zip(places, values, strict=True):
            interpreter.resize_tensor_input(place["index"], value.shape)
        interpreter.allocate_tensors()
        for place, value in zip(places, values, strict=True):
            interpreter.set_tensor(place["index"], value)
        interpreter.invoke()
        results = _by_number(interpreter.get_output_details())
        got = [interpreter.get_tensor(place["index"]) for place in results]
        near(got, case.outputs(batch))


def _by_number(places):
    """In the order of "serving_default_input_N:0" and "PartitionedCall:N"."""

    return sorted(places, key=lambda p: [int(n) for n in re.findall(r"\d+", p["name"])])


def onnx(name, case, folder):
    """ONNX Runtime gives the same numbers for every batch."""
    import onnxruntime
    import tf2onnx

    from tfrecvis.export.formats.onnx import HANDLERS, OPSET

    function, leaves = _exported(case)
    proto, _ = tf2onnx.convert.from_function(
        function, leaves, opset=OPSET, custom_op_handlers=HANDLERS
    )
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for batch in (1, 3):
        sample = case.sample(batch)
        names = (leaf.name for leaf in leaves)
        values = dict(zip(names, keras.tree.flatten(sample), strict=True))
        near(session.run(None, values), case.outputs(batch))


COLUMNS = {
    "TensorFlow": tensorflow,
    "XLA": xla,
    "JAX": jax,
    "CUDA and TPU": cuda_and_tpu,
    "half precision": half_precision,
    "SavedModel": saved_model,
    "LiteRT builtins": litert,
    "ONNX": onnx,
}


def every_case(column):
    """Runs a test of `(name, tmp_path)` on every case of a column."""
    slow = {True: [pytest.mark.slow], False: []}
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=slow[case.slow(column)])
            for name, case in CASES.items()
        ],
    )


def check(column, name, folder):
    """One cell of the support matrix: a "yes" passes, a "no" fails."""
    case = CASES[name]
    if column not in case.unsupported:
        COLUMNS[column](name, case, folder)
        return
    # Whatever fails makes the "no" true.
    with pytest.raises(Exception):  # noqa: B017
        COLUMNS[column](name, case, folder)
