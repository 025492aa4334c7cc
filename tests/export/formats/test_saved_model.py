"""The SavedModel stands alone, and takes images or encoded images."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.export.saved_model import decode_images, write_saved_model

# TensorFlow alone: tfrecvis and Keras as if they were not installed.
ALONE = """
import sys

class Hider:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tfrecvis", "keras", "tf_keras"):
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Hider(finder) for finder in sys.meta_path]
for name in ("tfrecvis", "keras"):
    try:
        __import__(name)
        sys.exit(name + " could be imported")
    except ModuleNotFoundError:
        pass
import json
import numpy as np
import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
images = tf.constant(np.load(sys.argv[2]))
found = loaded.signatures["serving_default"](images=images)
encoded = tf.stack([tf.io.encode_png(image) for image in images])
decoded = loaded.signatures["serving_bytes"](image_bytes=encoded)
np.savez(sys.argv[3], **found, bytes_labels=decoded["labels"])
print(json.dumps(sorted(n for n in sys.modules if n in ("keras", "tfrecvis"))))
"""


@pytest.fixture(scope="module")
def signatures(exported):
    loaded = tf.saved_model.load(str(exported.path))
    return loaded.signatures, loaded  # a signature does not keep its variables


def test_saved_model_runs_where_neither_tfrecvis_nor_keras_can_be_imported(
    exported, images, tmp_path
):
    np.save(tmp_path / "images.npy", images)
    arguments = [exported.path, tmp_path / "images.npy", tmp_path / "found.npz"]
    process = subprocess.run(
        [sys.executable, "-c", ALONE, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    assert json.loads(process.stdout.splitlines()[-1]) == []
    with np.load(tmp_path / "found.npz") as found:
        # Float32 sums in another order.
        np.testing.assert_allclose(
            found["probabilities"], exported.probabilities, atol=1e-5
        )
        np.testing.assert_array_equal(found["labels"], exported.labels)
        np.testing.assert_array_equal(found["bytes_labels"], exported.labels)


def test_signatures_name_their_inputs_and_outputs(signatures):
    images = signatures[0]["serving_default"]
    assert images.structured_input_signature[1] == {
        "images": tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")
    }
    assert images.structured_outputs == {
        "labels": tf.TensorSpec((None, None, None), tf.int32, name="labels"),
        "probabilities": tf.TensorSpec(
            (None, None, None, 3), tf.float32, name="probabilities"
        ),
    }
    encoded = signatures[0]["serving_bytes"]
    assert encoded.structured_input_signature[1] == {
        "image_bytes": tf.TensorSpec((None,), tf.string, name="image_bytes")
    }
    assert encoded.structured_outputs == images.structured_outputs


def test_each_weight_is_stored_once(exported, segmenter):
    stored = tf.train.list_variables(str(exported.path / "variables" / "variables"))
    numbers = sum(np.prod(shape, dtype=int) for name, shape in stored if shape)
    scalars = sum(not variable.shape for variable in segmenter.variables)
    assert numbers + scalars == segmenter.count_params()


def test_images_of_any_size_are_served(signatures, segmenter, images):
    for batch, height, width in ((1, 7, 24), (2, 16, 5)):
        crop = images[:batch, :height, :width]
        found = signatures[0]["serving_default"](images=tf.constant(crop))
        wanted = tf.nn.softmax(segmenter(crop.astype("float32")))
        np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-5)


def test_jpeg_strings_give_what_their_decoded_images_give(signatures, images):
    encoded = tf.stack([tf.io.encode_jpeg(image) for image in images[:2]])
    decoded = tf.stack([tf.io.decode_jpeg(string) for string in encoded])
    found = signatures[0]["serving_bytes"](image_bytes=encoded)
    wanted = signatures[0]["serving_default"](images=decoded)
    np.testing.assert_array_equal(found["probabilities"], wanted["probabilities"])


def test_grey_and_transparent_png_become_rgb():
    grey = tf.fill((4, 6, 1), tf.constant(9, tf.uint8))
    rgba = tf.concat([tf.repeat(grey, 3, -1), grey], -1)
    strings = [tf.io.encode_png(grey), tf.io.encode_png(rgba)]
    np.testing.assert_array_equal(decode_images(strings), np.full((2, 4, 6, 3), 9))


def test_encoded_images_of_different_sizes_say_so(signatures, images):
    encoded = [tf.io.encode_png(images[0]), tf.io.encode_png(images[1, :8])]
    with pytest.raises(tf.errors.InvalidArgumentError, match="must share one size"):
        signatures[0]["serving_bytes"](image_bytes=tf.stack(encoded))


def test_no_encoded_image_says_so(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one encoded"):
        signatures[0]["serving_bytes"](image_bytes=tf.zeros((0,), tf.string))


def test_keras_lstm_is_kept_off_cudnn_while_it_is_traced(tmp_path, monkeypatch):
    import keras

    from tfrecvis.export import graph

    inputs = keras.Input((None, None, 3))
    x = keras.layers.Lambda(lambda x: x[:, 0])(inputs)
    lstm = keras.layers.LSTM(2, return_sequences=True)
    model = keras.Model(inputs, lstm(x))
    seen = []
    call = graph.raw_outputs

    def spy(*args):
        seen.append(lstm.use_cudnn)
        return call(*args)

    monkeypatch.setattr(graph, "raw_outputs", spy)
    write_saved_model(model, tmp_path / "model", from_logits=True)
    assert seen
    assert set(seen) == {False}
    assert lstm.use_cudnn == "auto"
