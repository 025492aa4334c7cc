"""The graph that artefacts share."""

import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.export import ExportError, export_model, load_artefact
from tfrecvis.export.graph import check_no_cudnn, float32_model


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_a_mixed_precision_model_computes_its_weights_in_float32(
    build_segmenter, images, exported, dtype
):
    model = build_segmenter(dtype=dtype)
    twin = float32_model(model)
    assert model.get_layer("context1").compute_dtype == dtype[len("mixed_") :]
    outputs = twin(images.astype("float32"))
    assert outputs.dtype == "float32"
    # The same seed gives the same weights as the float32 model's.
    np.testing.assert_allclose(tf.nn.softmax(outputs), exported.probabilities, 1e-4)


def test_a_float32_model_is_exported_as_it_is(segmenter):
    assert float32_model(segmenter) is segmenter


def test_a_mixed_precision_model_that_ends_in_softmax_is_exported(
    build_segmenter, images, exported, tmp_path
):
    model = build_segmenter(softmax=True, dtype="mixed_bfloat16")
    export_model(model, tmp_path, images[:2], formats="saved_model")
    found = load_artefact(tmp_path / "1").predict(images)
    assert found["probabilities"].dtype == np.float32
    np.testing.assert_allclose(
        found["probabilities"], exported.probabilities, atol=1e-4
    )


def test_a_cudnn_operator_is_refused():
    @tf.function(input_signature=[tf.TensorSpec((None, 1, 2))])
    def cudnn(x):
        state = tf.zeros((1, 1, 2))
        parameters = tf.zeros((48,))
        return tf.raw_ops.CudnnRNNV3(
            input=x,
            input_h=state,
            input_c=state,
            params=parameters,
            sequence_lengths=[1],
            is_training=False,
        )[0]

    with pytest.raises(ExportError, match="CudnnRNNV3.*use_cudnn=False"):
        check_no_cudnn(cudnn.get_concrete_function())
