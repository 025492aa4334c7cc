import keras
import numpy as np
import pytest
from reference import segmentation_metrics as reference

from tfrecvis.losses import SegmentationCrossEntropy

K = 4
SHAPE = (2, 5, 7)


def random_case(seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, SHAPE)
    labels[rng.random(SHAPE) < 0.3] = 255
    return labels, rng.normal(size=(*SHAPE, K)).astype("float32") * 3


@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 0.0, 1.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_matches_the_numpy_loop(weights, smoothing):
    labels, logits = random_case()
    loss = SegmentationCrossEntropy(weights, label_smoothing=smoothing)
    expected = reference.segmentation_cross_entropy(
        labels, logits, weights, label_smoothing=smoothing
    )
    np.testing.assert_allclose(float(loss(labels, logits)), expected, rtol=1e-5)


def test_loss_without_void_equals_keras_sparse_cross_entropy():
    labels, logits = random_case()
    labels[labels == 255] = 0
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = float(theirs(labels, logits))
    ours = float(SegmentationCrossEntropy(void=None)(labels, logits))
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_other_void_value_is_honoured():
    labels, logits = random_case()
    elsewhere = np.where(labels == 255, 11, labels)
    expected = float(SegmentationCrossEntropy()(labels, logits))
    assert float(SegmentationCrossEntropy(void=11)(elsewhere, logits)) == expected


def test_void_pixels_do_not_change_the_loss():
    labels, logits = random_case()
    loss = SegmentationCrossEntropy()
    before = float(loss(labels, logits))
    logits[labels == 255] = 1e6
    np.testing.assert_allclose(float(loss(labels, logits)), before, rtol=1e-6)


def test_batch_of_void_pixels_gives_zero():
    labels = np.full(SHAPE, 255)
    assert float(SegmentationCrossEntropy([1.0] * K)(labels, random_case()[1])) == 0


@pytest.mark.parametrize("bad", [K, 254, -1])
def test_label_that_is_neither_class_nor_void_is_refused_by_name(bad):
    labels, logits = random_case()
    labels[0, 0, 0] = bad
    with pytest.raises(ValueError, match=rf"0..3 or 255 \(void\). Received: {bad}. "):
        SegmentationCrossEntropy()(labels, logits)


def test_all_wrong_labels_are_listed_once_and_not_endlessly():
    labels = np.arange(2 * 35).reshape(SHAPE) % 40
    with pytest.raises(ValueError, match=r"Received: 4, 5, 6, 7, 8, 9, 10, 11, \.\.\."):
        SegmentationCrossEntropy()(labels, random_case()[1])


def test_void_label_is_wrong_where_no_label_is_void():
    labels, logits = random_case()
    with pytest.raises(ValueError, match=r"Labels must be 0..3. Received: 255"):
        SegmentationCrossEntropy(void=None)(labels, logits)


def linear_model(jit_compile):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5, 7, K)), keras.layers.Dense(K)])
    model.compile("sgd", SegmentationCrossEntropy(), jit_compile=jit_compile)
    return model


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX cannot stop a compiled step"
)
def test_wrong_label_stops_fit_and_is_named():
    labels, logits = random_case()
    labels[0, 0, :2] = 9, 77
    with pytest.raises(
        Exception, match=r"Labels must be 0..3 or 255 \(void\)"
    ) as error:
        linear_model(jit_compile=False).fit(logits, labels, verbose=0)
    assert "[9] [77]" in str(error.value)


def test_wrong_label_under_xla_is_seen_in_the_loss_and_harms_no_weight():
    labels, logits = random_case()
    model, twin = linear_model(True), linear_model(True)
    labels[0, 0, 0] = 9
    history = model.fit(logits, labels, verbose=0).history
    assert np.isnan(history["loss"]).all()
    # The weights are those that void would have given, but for its larger count.
    labels[0, 0, 0] = 255
    twin.fit(logits, labels, verbose=0)
    assert np.isfinite(model.get_weights()[0]).all()
    np.testing.assert_allclose(
        model.get_weights()[0], twin.get_weights()[0], rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_are_summed_in_float32(dtype):
    # 70000 pixels of log(4) are over float16's largest number, 65504.
    logits = keras.ops.zeros((1, 7, 10000, 4), dtype)
    loss = SegmentationCrossEntropy(reduction="sum")(np.zeros((1, 7, 10000)), logits)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    np.testing.assert_allclose(float(loss), 70000 * np.log(4), rtol=1e-4)


def test_loss_per_pixel_is_zero_at_void():
    labels, logits = random_case()
    losses = keras.ops.convert_to_numpy(
        SegmentationCrossEntropy(reduction="none")(labels, logits)
    )
    assert losses.shape == SHAPE
    assert (losses[labels == 255] == 0).all()
    assert (losses[labels != 255] > 0).all()


def test_sample_weight_scales_its_image():
    labels, logits = random_case()
    labels[labels == 255] = 1
    loss = SegmentationCrossEntropy()
    weights = np.array([1.0, 0.0]).reshape(2, 1, 1)
    expected = float(loss(labels[:1], logits[:1])) / 2
    weighted = float(loss(labels, logits, sample_weight=weights))
    np.testing.assert_allclose(weighted, expected, rtol=1e-5)


def test_labels_with_a_last_axis_of_one_are_the_same_labels():
    labels, logits = random_case()
    loss = SegmentationCrossEntropy()
    assert float(loss(labels[..., None], logits)) == float(loss(labels, logits))


@pytest.mark.parametrize("jit_compile", [True, False])
def test_training_step_is_the_same_with_and_without_xla(jit_compile):
    labels, logits = random_case()
    model = keras.Sequential([keras.Input((5, 7, K)), keras.layers.Rescaling(1.0)])
    loss = SegmentationCrossEntropy([1.0, 2.0, 3.0, 4.0], label_smoothing=0.1)
    model.compile(loss=loss, jit_compile=jit_compile)
    score = model.evaluate(logits, labels, verbose=0)
    np.testing.assert_allclose(score, float(loss(labels, logits)), rtol=1e-5)


def test_config_round_trip_keeps_every_argument():
    loss = SegmentationCrossEntropy([1.0, 2.0], 11, 0.1, reduction="sum", name="ce")
    again = SegmentationCrossEntropy.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()
    assert again.get_config() == {
        "class_weights": [1.0, 2.0],
        "void": 11,
        "label_smoothing": 0.1,
        "reduction": "sum",
        "name": "ce",
    }


def test_weights_for_another_number_of_classes_are_named():
    labels, logits = random_case()
    with pytest.raises(ValueError, match="2 weights and logits of 4 classes"):
        SegmentationCrossEntropy([1.0, 2.0])(labels, logits)


def test_one_hot_labels_are_refused_with_what_to_do():
    with pytest.raises(ValueError, match="turn one-hot labels into numbers"):
        SegmentationCrossEntropy()(np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3)))


def test_labels_of_another_size_than_the_logits_are_named():
    with pytest.raises(ValueError, match=r"labels.shape=\(1, 2, 3\), logits.shape="):
        SegmentationCrossEntropy()(np.zeros((1, 2, 3)), np.zeros((1, 2, 2, 3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_smoothing": 1.0}, "at least 0 and below 1"),
        ({"class_weights": [1.0, -1.0]}, "not negative"),
        ({"class_weights": [1.0, float("nan")]}, "must be finite"),
        ({"class_weights": [[1.0]]}, "flat list"),
        ({"reduction": "mean_with_sample_weight"}, "must be one of"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        SegmentationCrossEntropy(**arguments)
