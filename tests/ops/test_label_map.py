import keras
import numpy as np
import pytest

from tfrecvis.ops.backend import fail_unless
from tfrecvis.ops.label_map import check_classes

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX cannot stop a compiled step"
)


@pytest.mark.parametrize("labels", [[], [0, 4, 255], [[255], [255]]])
def test_classes_and_void_pass(labels):
    check_classes(np.array(labels, "int32"), num_classes=5, void=255)


@pytest.mark.parametrize(
    ("labels", "void", "message"),
    [
        ([5], 255, r"0..4 or 255 \(void\). Received: 5. "),
        ([-1, 300, -1], 255, "Received: -1, 300. "),
        ([255], None, "must be 0..4. Received: 255. "),
        ([0, 11], 255, "Received: 11. "),
    ],
)
def test_other_labels_are_named(labels, void, message):
    with pytest.raises(ValueError, match=message):
        check_classes(np.array(labels), num_classes=5, void=void)
    with pytest.raises(ValueError, match="Guesses must be"):
        check_classes(np.array(labels), num_classes=5, void=void, what="Guesses")


@needs_tensorflow
def test_graph_that_runs_fails_with_the_same_message():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def checked(labels):
        check_classes(labels, num_classes=5, void=255)
        return labels

    assert checked([0, 4, 255]).numpy().tolist() == [0, 4, 255]
    assert checked([]).shape == (0,)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"0..4 or 255 \(void\)"
    ) as e:
        checked([3, 9, -2, 5])
    assert "[-2] [9]" in str(e.value)


@needs_tensorflow
def test_xla_compiles_the_check_and_goes_on():
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def doubled(x):
        fail_unless(tf.reduce_all(x > 0), "must be positive", [x])
        return 2 * x

    assert doubled(tf.constant([-1.0])).numpy().tolist() == [-2.0]


def test_symbolic_tensors_of_a_functional_model_are_let_through():
    check_classes(keras.Input((4,), dtype="int32"), num_classes=5, void=255)
