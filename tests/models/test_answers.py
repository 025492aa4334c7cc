"""From raw outputs to answers, by the signatures of each task."""

import keras
import numpy as np
import pytest

from tfrecvis.models import (
    ImageClassifier,
    SequenceTagger,
    Spec,
    SuperpixelLabeller,
    classification,
    segmentation,
    sequences,
    superpixels,
)
from tfrecvis.models.answers import most_likely

LOGITS = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def answer(signature, **inputs):
    return {key: numpy(value) for key, value in signature(**inputs).items()}


def test_logits_become_labels_and_their_softmax():
    found = most_likely(keras.ops.convert_to_tensor(LOGITS))
    powers = np.exp(LOGITS.astype("float64"))
    np.testing.assert_array_equal(numpy(found["labels"]), LOGITS.argmax(-1))
    np.testing.assert_allclose(
        numpy(found["probabilities"]), powers / powers.sum(-1, keepdims=True), 1e-5
    )


def test_declared_probabilities_stay_as_they_are():
    rows = keras.ops.convert_to_tensor([[0.2, 0.7, 0.1]])
    found = most_likely({"logits": rows}, from_logits=False, decision="tokens")
    assert list(found) == ["tokens", "probabilities"]
    np.testing.assert_array_equal(numpy(found["probabilities"]), numpy(rows))
    assert numpy(found["tokens"]).tolist() == [1]


def test_half_precision_outputs_become_float32_and_ties_the_lowest_class():
    rows = keras.ops.cast([[1.0, 3.0, 3.0]], "bfloat16")
    found = most_likely(rows)
    assert keras.backend.standardize_dtype(found["probabilities"].dtype) == "float32"
    assert keras.backend.standardize_dtype(found["labels"].dtype) == "int32"
    assert numpy(found["labels"]).tolist() == [1]


@pytest.mark.parametrize("from_logits", [True, False])
def test_segmentation_declares_whether_a_model_gives_logits(from_logits):
    softmax = [] if from_logits else [keras.layers.Softmax()]
    layers = [keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1), *softmax]
    model = keras.Sequential(layers)
    kernel = np.zeros((1, 1, 3, 3), "float32")
    kernel[0, 0, 0] = [0, 0.5, 1]
    model.set_weights([kernel, np.zeros(3)])
    pixels = np.random.default_rng(1).integers(0, 9, (1, 2, 3, 3), "uint8")
    (signature,) = segmentation.signatures(model, from_logits=from_logits)
    found = answer(signature, images=pixels)
    logits = pixels[..., :1] * np.array([0, 0.5, 1])
    powers = np.exp(logits)
    np.testing.assert_allclose(
        found["probabilities"], powers / powers.sum(-1, keepdims=True), rtol=1e-5
    )


def test_each_task_names_its_axes_inputs_and_outputs():
    (labels,) = classification.signatures(
        ImageClassifier(
            4, "grid", 3, patch_size=4, dense_units=(), input_shape=(8, 8, 1)
        )
    )
    assert labels.inputs["images"].axes == ("batch", 8, 8, 1)
    assert labels.outputs["probabilities"].axes == ("batch", 4)
    assert answer(labels, images=np.zeros((2, 8, 8, 1), "uint8"))["labels"].shape == (
        2,
    )

    (tokens,) = sequences.signatures(SequenceTagger(5, units=3, depth=1))
    assert tokens.inputs["tokens"] == Spec(("batch", "steps"), "int32")
    found = answer(tokens, tokens=np.zeros((2, 7), "int32"))
    assert found["probabilities"].shape == (2, 7, 5)

    (nodes,) = superpixels.signatures(SuperpixelLabeller(3, 4, units=5))
    assert {name: spec.dtype for name, spec in nodes.inputs.items()} == {
        "features": "float32",
        "neighbours": "int32",
        "confidence": "float32",
        "mask": "bool",
    }
    assert nodes.outputs["labels"].axes == ("batch", "nodes")


def test_a_model_of_one_class_is_refused():
    images = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(1, 1, activation="sigmoid")(images)
    with pytest.raises(ValueError, match="two classes or more"):
        segmentation.signatures(keras.Model(images, outputs))


def test_a_model_of_several_outputs_is_refused():
    images = keras.Input((None, None, 3))
    outputs = [keras.layers.Conv2D(2, 1)(images) for _ in range(2)]
    with pytest.raises(ValueError, match="must have one output"):
        segmentation.signatures(keras.Model(images, outputs))
    model = keras.Model(images, dict(zip("ab", outputs, strict=True)))
    with pytest.raises(ValueError, match="with the key 'logits'"):
        segmentation.signatures(model)


def test_a_dict_of_outputs_with_logits_is_taken():
    images = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(2, 1)(images)
    model = keras.Model(images, {"logits": maps, "maps": maps})
    (signature,) = segmentation.signatures(model)
    assert answer(signature, images=np.zeros((1, 2, 3, 3)))["labels"].shape == (1, 2, 3)


def test_a_model_of_another_task_is_refused():
    images = keras.Input((4, 4, 3), name="images")
    vector = keras.layers.Dense(2)(keras.layers.Flatten()(images))
    model = keras.Model(images, vector)
    with pytest.raises(ValueError, match=r"\(batch, height, width, classes\)"):
        segmentation.signatures(model)
    with pytest.raises(ValueError, match="features, .*a model that takes images"):
        superpixels.signatures(model)


def test_a_model_of_more_inputs_is_refused():
    first, second = keras.Input((None,)), keras.Input((None,))
    outputs = keras.layers.Dense(3)(keras.ops.stack([first, second], -1))
    with pytest.raises(ValueError, match=r"must take 1 input\(s\): tokens.*2 inputs"):
        sequences.signatures(keras.Model([first, second], outputs))
