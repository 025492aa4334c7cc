import numpy as np
import pytest
import tensorflow as tf

import tfrecvis.data
from tfrecvis.data import SAMPLE_KEYS, SampleKey, check_sample

IMAGE = np.zeros((4, 6, 3), "uint8")
LABELS = np.zeros((4, 6), "int32")


def documented():
    """The table of the docstring: key -> its other cells."""
    rows = {}
    for line in tfrecvis.data.__doc__.splitlines():
        if line.startswith("| `"):
            name, *cells = (cell.strip(" `") for cell in line.strip("| ").split(" | "))
            rows[name] = cells
    return rows


def cells(key):
    shape = tuple(int(axis) if axis.isdigit() else axis for axis in key.axis_names)
    shape = str(shape).replace("'", "")
    padding = repr(key.padding)
    return [shape, key.dtype, padding, key.moves, key.what]


def test_docstring_of_the_room_shows_the_table():
    assert documented() == {name: cells(key) for name, key in SAMPLE_KEYS.items()}


@pytest.mark.parametrize("name", SAMPLE_KEYS)
def test_key_is_consistent(name):
    key = SAMPLE_KEYS[name]
    assert isinstance(key, SampleKey)
    padding = tf.constant(key.padding, key.dtype)
    assert padding.shape == ()
    is_map = {"height", "width"} <= set(key.axis_names)
    assert (key.moves in ("image", "labels")) == is_map
    assert key.moves in ("no", "image", "labels", "boxes", "size")
    sizes = [int(axis) if axis.isdigit() else 2 for axis in key.axis_names]
    check_sample({name: tf.fill(sizes, padding)})


@pytest.mark.parametrize(
    "sample",
    [
        {},
        {"image": IMAGE, "labels": LABELS, "file": "a.png"},
        {"image": tf.constant(IMAGE), "file": tf.constant("a.png")},
        {"captions": np.array(["a", "b"]), "class": np.int32(3)},
        {"captions": ["a", "b"], "boxes": np.zeros((0, 4), "float32")},
        {"nodes": np.zeros(3, bool), "confidence": np.zeros(3, "float32")},
        {
            "image": tf.TensorSpec([None, None, 3], tf.uint8),
            "labels": tf.TensorSpec([None, 6], tf.int32),
            "masks": tf.TensorSpec([2, 4, 6], tf.uint8),
            "tokens": tf.TensorSpec(None, tf.int32),
        },
    ],
)
def test_right_sample_passes(sample):
    check_sample(sample)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ([IMAGE], "must be a dict .* Received: a list"),
        ({"img": IMAGE}, "'img' is no key of a sample"),
        ({"lables": LABELS}, "Did you mean 'labels'"),
        ({"bbox": LABELS}, "Did you mean 'boxes'|Keys: image, labels"),
        ({"image": IMAGE.astype("float32")}, r"`image` .* uint8 .* Received: float32"),
        ({"labels": LABELS.astype("int64")}, r"`labels` .* int32 .* Received: int64"),
        ({"file": 3}, "`file` of a sample must be string"),
        (
            {"labels": LABELS[..., None]},
            r"\(height, width\). Received: shape \(4, 6, 1",
        ),
        ({"image": IMAGE[..., :1]}, r"\(height, width, 3\). Received: shape \(4, 6, 1"),
        ({"image": IMAGE, "labels": LABELS[:3]}, r"`image` has height 4. .*\(3, 6\)"),
        (
            {"boxes": np.zeros((2, 4), "float32"), "classes": np.zeros(3, "int32")},
            r"`boxes` has boxes 2. Received: shape \(3,\)",
        ),
        (
            {
                "image": tf.TensorSpec([None, 7, 3], tf.uint8),
                "labels": tf.TensorSpec([None, 6], tf.int32),
            },
            "`image` has width 7",
        ),
    ],
)
def test_wrong_sample_is_refused_with_what_is_wrong(sample, message):
    with pytest.raises(ValueError, match=message):
        check_sample(sample)
