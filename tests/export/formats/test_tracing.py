"""Signatures as traced functions, and as graphs without variables."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.export import ExportError, export_model, load_artefact
from tfrecvis.export.formats.tracing import (
    check_no_cudnn,
    float32_model,
    reference_answers,
    trace,
    write_frozen,
)
from tfrecvis.models import (
    Signature,
    Spec,
    SuperpixelLabeller,
    segmentation,
    superpixels,
)

pytestmark = pytest.mark.usefixtures("jobs_here")


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_a_mixed_precision_model_computes_its_weights_in_float32(
    build_segmenter, segmenter, images, dtype
):
    model = build_segmenter(dtype=dtype)
    twin = float32_model(model)
    assert model.get_layer("context1").compute_dtype == dtype[len("mixed_") :]
    outputs = twin(images.astype("float32"))
    assert outputs.dtype == "float32"
    # The same seed gives the same weights as the float32 model's.
    wanted = segmenter(images.astype("float32"))
    np.testing.assert_allclose(tf.nn.softmax(outputs), tf.nn.softmax(wanted), 1e-4)


def test_a_float32_model_is_exported_as_it_is(segmenter):
    assert float32_model(segmenter) is segmenter


@pytest.mark.slow
def test_a_mixed_precision_model_that_ends_in_softmax_is_exported(
    build_segmenter, segmenter, images, tmp_path
):
    model = build_segmenter(softmax=True, dtype="mixed_bfloat16")
    signatures = segmentation.signatures(model, from_logits=False)
    examples = {"images": images[:2]}
    export_model(signatures, tmp_path, examples, formats="saved_model")
    found = load_artefact(tmp_path / "1").predict({"images": images})
    assert found["probabilities"].dtype == np.float32
    wanted = tf.nn.softmax(segmenter(images.astype("float32")))
    np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-4)


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


def test_sizes_close_open_axes_by_name(plain):
    concrete = trace(plain[0], {"height": 4, "width": 6})
    spec = concrete.structured_input_signature[1]["images"]
    assert spec == tf.TensorSpec((None, 4, 6, 3), tf.uint8, name="images")


def test_frozen_signatures_hold_no_variables_and_keep_their_names(
    signatures, segmenter, images, tmp_path
):
    write_frozen({s.name: trace(s) for s in signatures}, tmp_path / "frozen")
    loaded = tf.saved_model.load(str(tmp_path / "frozen"))
    assert (
        not (tmp_path / "frozen" / "variables" / "variables.index").exists()
        or not (
            tf.train.list_variables(
                str(tmp_path / "frozen" / "variables" / "variables")
            )[1:]
        )
    )
    for signature in signatures:
        found = loaded.signatures[signature.name](images=tf.constant(images[:1]))
        wanted = trace(signature)(images=tf.constant(images[:1]))
        assert sorted(found) == sorted(wanted)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, atol=1e-5)


def test_a_frozen_graph_keeps_inputs_that_nothing_reads(tmp_path):
    model = SuperpixelLabeller(3, num_features=4, context="none", units=5)
    (signature,) = superpixels.signatures(model)
    write_frozen({signature.name: trace(signature)}, tmp_path / "frozen")
    loaded = tf.saved_model.load(str(tmp_path / "frozen"))
    specs = loaded.signatures["serving_default"].structured_input_signature[1]
    assert sorted(specs) == sorted(signature.inputs)


def test_reference_answers_are_those_of_all_batches():
    inputs = keras.Input((1,))
    signature = Signature(
        "serving_default",
        keras.Model(inputs, keras.layers.Rescaling(2)(inputs)),
        lambda model, x, word: {"y": model(x), "word": word},
        {"x": Spec(("batch", 1), "float32"), "word": Spec(("batch",), "string")},
        {"y": Spec(("batch", 1), "float32"), "word": Spec(("batch",), "string")},
    )
    x = np.arange(5, dtype="float32")[:, None]
    words = np.array([b"a", b"b", b"c", b"d", b"e"], object)
    found = reference_answers(trace(signature), {"x": x, "word": words}, batch_size=2)
    np.testing.assert_array_equal(found["y"], 2 * x)
    assert found["word"].tolist() == words.tolist()
