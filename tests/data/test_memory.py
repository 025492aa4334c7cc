import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.data.memory import Memory

RNG = np.random.default_rng(0)


def sample(height, width, boxes, captions):
    """One of each kind: bytes, integers, floats, booleans, strings, scalars."""
    return {
        "image": RNG.integers(0, 256, (height, width, 3), "uint8"),
        "labels": RNG.integers(0, 255, (height, width)).astype("int32"),
        "superpixels": RNG.integers(-1, 900, (height, width)).astype("int32"),
        "depth": RNG.normal(size=(height, width)).astype("float32"),
        "masks": RNG.integers(0, 2, (boxes, height, width), "uint8"),
        "boxes": RNG.normal(size=(boxes, 4)).astype("float32"),
        "classes": np.arange(boxes, dtype="int32") + 10**6,
        "class": np.int32(-1),
        "captions": np.array(captions, object),
        "nodes": np.arange(3) < boxes,
        "file": f"{height}.png",
    }


SAMPLES = [
    sample(2, 3, boxes=2, captions=["a", "bcd"]),
    sample(2, 5, boxes=0, captions=[]),
    sample(4, 3, boxes=1, captions=["", "e", "f"]),
]


def as_arrays(loaded):
    """Tensors as arrays, strings as text."""
    arrays = {}
    for name, value in loaded.items():
        array = value.numpy()
        if value.dtype == tf.string:
            array = np.vectorize(lambda text: text.decode(), otypes=[object])(array)
        arrays[name] = array
    return arrays


@pytest.mark.parametrize("chosen", [SAMPLES, SAMPLES[:1] * 2])
def test_every_key_of_every_size_comes_back_as_it_was(chosen):
    memory = Memory(chosen)
    assert len(memory) == len(chosen)
    for number, expected in enumerate(chosen):
        found = as_arrays(memory.load(number))
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value)
            if not isinstance(value, str) and np.asarray(value).dtype != object:
                assert found[name].dtype == value.dtype, name


def test_sizes_that_all_share_are_static_and_others_are_not():
    numbers = tf.data.Dataset.range(3)
    spec = numbers.map(Memory(SAMPLES).load).element_spec
    assert spec["image"].shape.as_list() == [None, None, 3]
    assert spec["boxes"].shape.as_list() == [None, 4]
    assert spec["nodes"].shape.as_list() == [3]
    assert spec["file"].shape.as_list() == []
    spec = numbers.map(Memory(SAMPLES[:2]).load).element_spec
    assert spec["image"].shape.as_list() == [2, None, 3]


def test_sizes_are_those_of_the_images_and_none_without_images():
    assert Memory(SAMPLES).sizes == [(2, 3), (2, 5), (4, 3)]
    assert Memory([{"masks": np.zeros((1, 4, 5), "uint8")}]).sizes == [(4, 5)]
    assert Memory([{"tokens": [1, 2]}]).sizes is None


def test_label_maps_take_one_byte_per_pixel():
    labels = np.full((10, 10), 255)
    memory = Memory([{"labels": labels}, {"labels": labels[:5]}])
    assert memory._columns["labels"].values.dtype == tf.uint8
    assert memory.load(0)["labels"].dtype == tf.int32


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (
            [{"tokens": [1]}, {"answer": [1]}],
            "1 and sample 0 differ in: answer, tokens",
        ),
        ([{"token": [1]}], "Did you mean 'tokens'"),
        ([{"image": np.full((2, 2, 3), 256)}], "must be uint8 .* Received: int64"),
        ([{"tokens": [2**40]}], "must be int32 .* Received: int64"),
        ([{"depth": np.zeros((2, 2))}], "must be float32 .* Received: float64"),
    ],
)
def test_sample_that_does_not_fit_is_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        Memory(samples)
