"""Loads what an export wrote, each kind in its own runtime, and predicts with it.

This file imports nothing of tfrecvis, and Keras for a `.keras` file alone: parity
runs it in a process where neither can be imported.
"""

import json
from pathlib import Path

import numpy as np


def check_images(images, channels=3):
    """Returns `images` as the array that artefacts take, or says what is wrong.

    Args:
        images: uint8 `(batch, height, width, channels)`, 0-255; RGB if three
            channels. At least one image, all of one size.
        channels: Integer, or None for any.

    Returns:
        NumPy array of dtype uint8.

    Raises:
        ValueError: another rank, dtype or number of channels; NaN; no image or an
            image without pixels.

    Example:

    >>> import numpy as np
    >>> check_images(np.zeros((1, 4, 6, 3), "uint8")).shape
    (1, 4, 6, 3)
    """
    if isinstance(images, (list, tuple)):
        shapes = sorted({np.shape(image) for image in images})
        if len(shapes) > 1:
            raise ValueError(
                "All images of one batch must share one size. Received images of "
                f"shapes {shapes}. Resize them, or pass them one size at a time."
            )
    images = np.asarray(images)
    wanted = f"(batch, height, width, {channels or 'channels'})"
    if images.ndim != 4:
        mend = " Add the batch axis: images[None]." if images.ndim == 3 else ""
        raise ValueError(
            f"`images` must have the shape {wanted}. Received: {images.shape}.{mend}"
        )
    if 0 in images.shape:
        raise ValueError(
            "`images` must hold at least one image, and each at least one pixel. "
            f"Received: shape {images.shape}."
        )
    if channels is not None and images.shape[-1] != channels:
        raise ValueError(
            f"`images` must have the shape {wanted}. Received: {images.shape}."
        )
    if np.issubdtype(images.dtype, np.floating):
        broken = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
        if broken.size:
            raise ValueError(
                "`images` must be uint8, 0-255. Received: "
                f"{images.dtype} with NaN or infinite values in image "
                f"{', '.join(str(index) for index in broken[:5])}."
            )
    if images.dtype != np.uint8:
        raise ValueError(
            f"`images` must be uint8, 0-255. Received: {images.dtype}. Convert them: "
            "np.clip(np.rint(images), 0, 255).astype('uint8'), after scaling to 0-255."
        )
    return images


def are_probabilities(outputs):
    """Tells a model's probabilities from its logits by their values.

    Example:

    >>> import numpy as np
    >>> are_probabilities(np.array([[0.25, 0.75]]))
    True
    >>> are_probabilities(np.array([[-1.0, 2.0]]))
    False
    """
    # Logits that lie in 0-1 and sum to 1 at every pixel would be a coincidence. A
    # mixed-precision softmax sums to 1 within 2^-8.
    return bool(
        np.all(outputs >= 0)
        and np.all(np.abs(np.sum(outputs, axis=-1, dtype=np.float64) - 1) < 1e-2)
    )


def softmax(logits):
    """Returns the probabilities of `logits` along the last axis.

    Example:

    >>> import numpy as np
    >>> softmax(np.zeros((1, 2), "float32")).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class Artefact:
    """A file or folder that an export wrote, ready to predict.

    Made by `load_artefact`.

    Attributes:
        kind: "saved_model", "litert", "onnx" or "keras".
        path: The artefact's path.
        image_size: `(height, width)` in pixels that it takes; an entry is None where
            any size will do.
        class_names: List of strings, one a label, or None where nothing beside the
            artefact names them.

    Example:

    >>> import keras, tempfile
    >>> import numpy as np
    >>> from tfrecvis.export import load_artefact
    >>> images = keras.Input((None, None, 3))
    >>> model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(folder + "/model.keras")
    ...     artefact = load_artefact(folder + "/model.keras")
    >>> artefact.predict(np.zeros((1, 4, 6, 3), "uint8"))["labels"].shape
    (1, 4, 6)
    """

    def __init__(self, path, kind, run, image_size, channels=3):
        self.path = Path(path)
        self.kind = kind
        self.image_size = image_size
        self.class_names = _class_names(self.path)
        self._run = run
        self._channels = channels

    def predict(self, images):
        """Returns the labels and probabilities of `images`.

        Args:
            images: uint8 `(batch, height, width, 3)`, RGB, 0-255.

        Returns:
            Dict: "labels", int32 `(batch, height, width)`; "probabilities", float32
            `(batch, height, width, classes)`.

        Raises:
            ValueError: `images` are not what the artefact takes.
        """
        images = check_images(images, self._channels)
        for wanted, given in zip(self.image_size, images.shape[1:3], strict=True):
            if wanted not in (None, given):
                raise ValueError(
                    f"{self.path.name} takes images of height and width "
                    f"{self.image_size}. Received: {images.shape[1:3]}. Resize the "
                    "images, or export with image_size set to their size."
                )
        return self._run(images)


def _class_names(path):
    sidecar = path.with_suffix(".json")
    report = (path if path.is_dir() else path.parent) / "report.json"
    for file in (report, sidecar):
        if file.is_file():
            names = json.loads(file.read_text(encoding="utf-8")).get("class_names")
            if names:
                return names
    return None


def _numpy(outputs):
    return {name: np.asarray(value) for name, value in outputs.items()}


def _load_saved_model(path):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]
    spec = signature.structured_input_signature[1]["images"]

    def run(images, _keep=loaded):  # a signature does not keep its variables alive
        return _numpy(signature(images=tf.constant(images)))

    return Artefact(path, "saved_model", run, tuple(spec.shape[1:3]), spec.shape[3])


def _load_litert(path):
    from ai_edge_litert.interpreter import Interpreter

    # By name, not by position: the order of inputs and outputs is not kept.
    interpreter = Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner("serving_default")
    shape = runner.get_input_details()["images"]["shape"]

    def run(images):
        return _numpy(runner(images=images))

    size = tuple(int(length) for length in shape[1:3])
    return Artefact(path, "litert", run, size, int(shape[3]))


def _load_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    shape = [n if isinstance(n, int) else None for n in session.get_inputs()[0].shape]

    def run(images):
        return dict(zip(names, session.run(None, {"images": images}), strict=True))

    return Artefact(path, "onnx", run, tuple(shape[1:3]), shape[3])


def _load_keras(path):
    import keras

    import tfrecvis.models  # noqa: F401  registers the layers that the file names

    model = keras.models.load_model(path, compile=False)

    def run(images):
        outputs = model(images.astype(model.inputs[0].dtype), training=False)
        outputs = keras.ops.convert_to_numpy(outputs).astype(np.float32)
        return {
            "labels": np.argmax(outputs, axis=-1).astype(np.int32),
            "probabilities": outputs
            if are_probabilities(outputs)
            else softmax(outputs),
        }

    shape = model.input_shape
    return Artefact(path, "keras", run, tuple(shape[1:3]), shape[3])


_LOADERS = {".tflite": _load_litert, ".onnx": _load_onnx, ".keras": _load_keras}


def load_artefact(path):
    """Loads a SavedModel folder, a `.tflite`, an `.onnx` or a `.keras` file.

    The first three run in their own runtime (TensorFlow alone, ai-edge-litert,
    onnxruntime), without Keras.

    Args:
        path: The file, or the folder that holds `saved_model.pb`.

    Returns:
        An `Artefact`, whose `predict(images)` returns a dict of "labels" and
        "probabilities".

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: the path is none of the four kinds.

    Example:

    >>> from tfrecvis.export import load_artefact
    >>> load_artefact("photo.jpg")
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no artefact at photo.jpg.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no artefact at {path}.")
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return _load_saved_model(path)
        versions = sorted(entry.parent.name for entry in path.glob("*/saved_model.pb"))
        mend = f" Name a version below it: {', '.join(versions)}." if versions else ""
        raise ValueError(f"The folder {path} holds no saved_model.pb.{mend}")
    if path.suffix not in _LOADERS:
        raise ValueError(
            "An artefact is a SavedModel folder or a file that ends in "
            f"{', '.join(_LOADERS)}. Received: {path}."
        )
    return _LOADERS[path.suffix](path)
