"""The SavedModel stands by itself, and takes images or encoded images."""

import io
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfrecvis.export.formats import saved_model, tracing
from tfrecvis.export.formats.saved_model import (
    bytes_signature,
    decode_images,
    encode_images,
    write_saved_model,
)
from tfrecvis.models import Signature, Spec, segmentation

# TensorFlow only: tfrecvis and Keras as if they were not installed.
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
features = loaded.signatures["encode"](images=images)["features"]
np.savez(sys.argv[3], **found, bytes_labels=decoded["labels"], features=features)
print(json.dumps(sorted(n for n in sys.modules if n in ("keras", "tfrecvis"))))
"""


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported.path))


# The export itself has run every artefact without these modules (`exported`).
@pytest.mark.slow
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
        scale = np.abs(exported.features).max()
        np.testing.assert_allclose(
            found["features"], exported.features, atol=scale * 1e-5
        )


def test_signatures_name_their_inputs_and_outputs(loaded):
    images = loaded.signatures["serving_default"]
    assert images.structured_input_signature[1] == {
        "images": tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")
    }
    assert images.structured_outputs == {
        "labels": tf.TensorSpec((None, None, None), tf.int32, name="labels"),
        "probabilities": tf.TensorSpec(
            (None, None, None, 3), tf.float32, name="probabilities"
        ),
    }
    encoded = loaded.signatures["serving_bytes"]
    assert encoded.structured_input_signature[1] == {
        "image_bytes": tf.TensorSpec((None,), tf.string, name="image_bytes")
    }
    assert encoded.structured_outputs == images.structured_outputs
    assert sorted(loaded.signatures) == [
        "encode",
        "encode_bytes",
        "serving_bytes",
        "serving_default",
    ]


def test_each_weight_is_stored_once_whatever_the_signatures(exported, segmenter):
    stored = tf.train.list_variables(str(exported.path / "variables" / "variables"))
    numbers = sum(np.prod(shape, dtype=int) for name, shape in stored if shape)
    scalars = sum(not variable.shape for variable in segmenter.variables)
    assert numbers + scalars == segmenter.count_params()


def test_images_of_any_size_are_served(loaded, segmenter, images):
    for batch, height, width in ((1, 7, 24), (2, 16, 5)):
        crop = images[:batch, :height, :width]
        found = loaded.signatures["serving_default"](images=tf.constant(crop))
        wanted = tf.nn.softmax(segmenter(crop.astype("float32")))
        np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-5)


def test_jpeg_strings_give_what_their_decoded_images_give(loaded, images):
    encoded = tf.stack([tf.io.encode_jpeg(image) for image in images[:2]])
    decoded = tf.stack([tf.io.decode_jpeg(string) for string in encoded])
    found = loaded.signatures["serving_bytes"](image_bytes=encoded)
    wanted = loaded.signatures["serving_default"](images=decoded)
    np.testing.assert_array_equal(found["probabilities"], wanted["probabilities"])


def jpeg(image, orientation):
    file = io.BytesIO()
    photo = Image.fromarray(image)
    tags = photo.getexif()
    tags[0x0112] = orientation
    photo.save(file, "jpeg", quality=95, exif=tags)
    return file.getvalue()


def test_a_photo_on_its_side_gets_the_answer_of_the_turned_photo(loaded, images):
    encoded = [jpeg(image, 6) for image in images[:2]]
    # Orientation 6: to be turned by 90 degrees clockwise.
    turned = np.stack([np.rot90(tf.io.decode_jpeg(data), -1) for data in encoded])
    assert turned.shape == (2, 26, 18, 3)
    found = loaded.signatures["serving_bytes"](image_bytes=tf.constant(encoded))
    wanted = loaded.signatures["serving_default"](images=tf.constant(turned))
    np.testing.assert_array_equal(found["probabilities"], wanted["probabilities"])


def test_photos_of_one_size_when_turned_go_into_one_batch(images):
    upright = tf.io.encode_png(np.rot90(images[1], -1)).numpy()
    decoded = decode_images([jpeg(images[0], 6), upright])
    assert decoded.shape == (2, 26, 18, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must share one size"):
        decode_images([jpeg(images[0], 6), jpeg(images[1], 1)])


def test_a_grey_model_takes_colour_photos_and_turns_them():
    grey = keras.Input((None, None, 1))
    model = keras.Model(grey, keras.layers.Conv2D(2, 1)(grey))
    (signature,) = segmentation.signatures(model)
    encoded = bytes_signature(signature)
    assert encoded.inputs == {"image_bytes": Spec(("batch",), "string")}
    photo = np.zeros((8, 16, 3), "uint8")
    photo[:, 8:] = [0, 200, 0]
    data = jpeg(photo, 6)
    pixels = decode_images([data], channels=1).numpy()
    assert pixels.shape == (1, 16, 8, 1)
    assert pixels[0, :7].max() < 10
    assert abs(int(pixels[0, 12, 4, 0]) - 0.587 * 200) < 4
    found = tracing.trace(encoded)(image_bytes=tf.constant([data]))
    wanted = tracing.trace(signature)(images=tf.constant(pixels))
    np.testing.assert_array_equal(found["labels"], wanted["labels"])


def test_grey_and_transparent_png_become_rgb():
    grey = tf.fill((4, 6, 1), tf.constant(9, tf.uint8))
    rgba = tf.concat([tf.repeat(grey, 3, -1), grey], -1)
    strings = [tf.io.encode_png(grey), tf.io.encode_png(rgba)]
    np.testing.assert_array_equal(decode_images(strings), np.full((2, 4, 6, 3), 9))


def test_encoded_images_of_different_sizes_say_so(loaded, images):
    encoded = [tf.io.encode_png(images[0]), tf.io.encode_png(images[1, :8])]
    with pytest.raises(tf.errors.InvalidArgumentError, match="must share one size"):
        loaded.signatures["serving_bytes"](image_bytes=tf.stack(encoded))


def test_no_encoded_image_says_so(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one encoded"):
        loaded.signatures["serving_bytes"](image_bytes=tf.zeros((0,), tf.string))


def test_only_images_come_encoded_and_other_inputs_stay():
    inputs = {
        "left_images": Spec(("pairs", 4, 4, 3), "uint8", image=True),
        "depth": Spec(("pairs", 4, 4, 1), "uint8"),
        "right_images": Spec(("pairs", 4, 4, 1), "uint8", image=True),
        "spectra": Spec(("pairs", 4, 4, 7), "uint8", image=True),
    }
    signature = Signature("match", None, lambda model, **inputs: inputs, inputs, {})
    encoded = bytes_signature(signature)
    assert encoded.name == "match_bytes"
    assert encoded.formats == ("saved_model",)
    assert encoded.inputs == {
        "left_image_bytes": Spec(("pairs",), "string"),
        "depth": inputs["depth"],
        "right_image_bytes": Spec(("pairs",), "string"),
        "spectra": inputs["spectra"],
    }
    random = np.random.default_rng(0)
    arrays = {
        name: random.integers(0, 256, (2, *spec.shape[1:]), "uint8")
        for name, spec in inputs.items()
    }
    given = encode_images(signature, arrays)
    assert list(given) == list(encoded.inputs)
    found = encoded(**given)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_signature_without_images_has_no_encoded_one(plain):
    tokens = {"tokens": Spec(("batch", "steps"), "int32")}
    assert bytes_signature(Signature("serving_default", None, None, tokens, {})) is None


def test_keras_lstm_is_kept_off_cudnn_while_it_is_traced(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Lambda(lambda x: x[:, 0])(inputs)
    lstm = keras.layers.LSTM(2, return_sequences=True)
    model = keras.Model(inputs, lstm(x))
    seen = []

    def spy(model, images):
        seen.append(lstm.use_cudnn)
        return {"y": model(keras.ops.cast(images, "float32"))}

    signature = Signature(
        "serving_default",
        model,
        spy,
        {"images": Spec(("batch", "height", "width", 3), "uint8")},
        {"y": Spec(("batch", "width", 2), "float32")},
    )
    write_saved_model(
        {signature.name: tracing.trace(signature)}, tmp_path / "model", {}
    )
    assert seen
    assert set(seen) == {False}
    assert lstm.use_cudnn == "auto"


def test_the_card_leaves_no_file_beside_the_saved_model(plain, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no")

    write_saved_model(
        {s.name: tracing.trace(s) for s in plain},
        tmp_path / "1",
        {"task": "segmentation"},
    )
    card = (tmp_path / "1" / "assets" / "model.json").read_text(encoding="utf-8")
    assert json.loads(card) == {"task": "segmentation"}
    monkeypatch.setattr(saved_model.tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="no"):
        write_saved_model({s.name: tracing.trace(s) for s in plain}, tmp_path / "2", {})
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
