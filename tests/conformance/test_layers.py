"""What every layer of the package can do, swept over all cases."""

import inspect
import json

import keras
import numpy as np
import pytest
from conformance import columns, matrix
from conformance.case import call, flat, listed, output_shape, shape
from conformance.columns import COLUMNS, SIZES
from conformance.sweep import CASES

import tfrecvis

# In a fixed order: pytest-xdist compares what its workers collect.
CLASSES = list(dict.fromkeys(case.layer for case in CASES.values()))
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_class = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[pytest.mark.slow] * case.variant, id=name)
        for name, case in CASES.items()
    ],
)


def own_parameters(layer):
    """Constructor arguments of the layer's own, with their defaults."""
    parameters = inspect.signature(layer).parameters.items()
    return {n: p.default for n, p in parameters if p.kind is not p.VAR_KEYWORD}


def test_every_layer_of_the_package_is_swept():
    public = {getattr(tfrecvis.layers, name) for name in tfrecvis.layers.__all__}
    assert {case.layer for case in CASES.values()} == public


@pytest.mark.parametrize("layer", CLASSES)
def test_one_case_of_each_class_is_the_most_demanding(layer):
    cases = [case for case in CASES.values() if case.layer is layer]
    assert [case.variant for case in cases].count(False) == 1


@every_case
def test_the_same_loop_is_compiled_for_another_class(case):
    if case.loop_of is not None:
        assert CASES[case.loop_of].layer is not case.layer
        assert not CASES[case.loop_of].slow("ONNX")


@every_case
def test_a_class_that_builds_nothing_has_no_weights(case):
    assert case.may_have_weights or not case.built.weights


@every_case
def test_config_holds_every_argument(case):
    layer = case.layer(**case.arguments)
    defaults = own_parameters(case.layer)
    config = layer.get_config()
    assert set(defaults) <= set(config)
    for name, value in case.arguments.items():
        assert value != defaults[name]
        assert config[name] == value
    again = case.layer.from_config(config)
    assert again.get_config() == config


@pytest.mark.parametrize("layer", CLASSES)
def test_every_argument_is_given_by_some_case(layer):
    given = [case.arguments for case in CASES.values() if case.layer is layer]
    assert set(own_parameters(layer)) == set().union(*given)


@every_class
def test_keras_file_gives_the_same_layer_and_numbers(case, tmp_path):
    layer = case.built
    model = case.model(layer)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    (copy,) = (found for found in again.layers if found.name == layer.name)
    # As JSON, which turns the tuples of a wrapped cell's shapes into lists.
    assert json.dumps(copy.get_config()) == json.dumps(layer.get_config())
    sample = case.sample()
    for a, b in zip(flat(again(sample)), flat(model(sample)), strict=True):
        np.testing.assert_array_equal(a, b)


@every_class
def test_subclassed_model_gives_and_takes_weights(case, tmp_path):
    sample = case.sample()
    first, second = Subclassed(case.built), Subclassed(case.make())
    expected = flat(first(sample))
    for weight in second.layer.trainable_weights:
        weight.assign(weight + 1)
    second(sample)
    first.save_weights(tmp_path / "model.weights.h5")
    second.load_weights(tmp_path / "model.weights.h5")
    for a, b in zip(flat(second(sample)), expected, strict=True):
        np.testing.assert_array_equal(a, b)


class Subclassed(keras.Model):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, inputs):
        return call(self.layer, inputs)


@every_case
def test_output_shape_is_the_one_computed_before(case):
    layer = case.built
    for size in SIZES:
        found = shape(case.outputs(*size))
        assert listed(output_shape(layer, case.sample(*size))) == listed(found)
    model = case.model(layer)
    computed = output_shape(layer, case.shapes())
    found = shape(model.output)
    assert listed(computed) == listed(found)


@columns.every_case("TensorFlow")
def test_graphs_equal_eager_calls_for_every_batch_and_size(name, tmp_path):
    columns.check("TensorFlow", name, tmp_path)


@columns.every_case("half precision")
def test_half_precision_stays_near_float32(name, tmp_path):
    columns.check("half precision", name, tmp_path)


def test_columns_named_by_the_cases_exist():
    named = {column for case in CASES.values() for column in case.unsupported}
    assert named <= set(COLUMNS)


def test_support_matrix_is_the_one_of_the_cases():
    assert matrix.PAGE.read_text() == matrix.text(), (
        "docs/support-matrix.md is stale: run `python -m conformance.matrix` in tests/."
    )
