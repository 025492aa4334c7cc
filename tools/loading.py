"""What `evaluate`, `predict` and `export` take for MODEL, by whatever name.

A preset's name, a run's directory, or a `.keras` file; also, for predicting, a
SavedModel folder, a `.tflite` or an `.onnx` file.
"""

from pathlib import Path

import numpy as np

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.recipe import SEGMENTATION, nearest
from tfrecvis.tools.run import read_json

# Beside the artefacts that `tfrecvis export` writes: names and colours of the classes.
CLASSES = "classes.json"


class Segmenter:
    """A model of any kind, with the names and colours of its classes.

    Args:
        predict: Function of uint8 images `(batch, height, width, 3)`, RGB, 0-255,
            that returns a dict with "labels", integers `(batch, height, width)`.
        num_classes: Integer.
        sidecar: Dict: "class_names", "colours", "image_size", "recipe", as far as
            they are known.
        fixed_size: `(height, width)` that `predict` takes; None where any will do.
        model: The Keras model, or None.
    """

    def __init__(self, predict, num_classes, sidecar, fixed_size=None, model=None):
        from tfrecvis.data import class_colours

        self._predict = predict
        self.num_classes = num_classes
        names = sidecar.get("class_names") or []
        self.named = len(names) == num_classes
        if not self.named:
            names = [f"class_{index}" for index in range(num_classes)]
        colours = sidecar.get("colours") or []
        if len(colours) != num_classes:
            colours = class_colours(num_classes).tolist()
        self.class_names = names
        self.colours = colours
        self.image_size = sidecar.get("image_size")
        self.recipe = sidecar.get("recipe") or {}
        self.fixed_size = fixed_size
        self.model = model

    def labels(self, image):
        """Returns the label map of one image, in the image's own size.

        Where the artefact takes one size alone, the image is resized to it, and each
        pixel gets the label of the nearest one.

        Args:
            image: uint8 `(height, width, 3)`, RGB, 0-255.
        """
        if self.fixed_size is None or tuple(image.shape[:2]) == self.fixed_size:
            return np.asarray(self._predict(image[None])["labels"][0])
        from PIL import Image

        height, width = self.fixed_size
        resized = Image.fromarray(image).resize((width, height), Image.BILINEAR)
        labels = np.asarray(self._predict(np.asarray(resized)[None])["labels"][0])
        rows = np.arange(image.shape[0]) * height // image.shape[0]
        columns = np.arange(image.shape[1]) * width // image.shape[1]
        return labels[rows[:, None], columns]


def load_segmenter(name, artefacts=True):
    """Loads MODEL.

    Args:
        name: String, as the user typed it.
        artefacts: Boolean; whether exported files will do.

    Returns:
        A `Segmenter`.

    Raises:
        UserError: nothing of this name, or it cannot be loaded.
    """
    path = keras_file(name)
    if path is not None:
        sidecar = read_sidecar(path)
        task = sidecar.get("recipe", {}).get("task", SEGMENTATION)
        if task != SEGMENTATION:
            raise UserError(
                f"{name} was trained for {task}; this command takes models that label "
                "the pixels of images. Use `tfrecvis evaluate` or load it with "
                "`keras.models.load_model` after `import tfrecvis.models`."
            )
        return from_keras(load_keras_model(path), sidecar)
    path = Path(name)
    if path.exists() and not artefacts:
        raise UserError(
            f"Exporting takes a preset, a run's directory or a .keras file. {name} is "
            "none of them."
        )
    if path.exists():
        return _load_artefact(path)
    return _load_preset(name)


def keras_file(name):
    """Returns the path of the Keras model that MODEL names, or None for another kind.

    Raises:
        UserError: a run's directory without a model.
    """
    path = Path(name)
    if path.is_dir() and (path / "recipe.toml").is_file():
        path = path / "model.keras"
        if not path.is_file():
            raise UserError(
                f"The run {name} holds no model yet: its first epoch is not done. Go "
                f"on with `tfrecvis train RECIPE --output {name}`."
            )
    return path if path.suffix == ".keras" and path.is_file() else None


def read_sidecar(path):
    """Returns what is known of a Keras file: the dict beside it, or an empty one."""
    sidecar = path.with_suffix(".json")
    return read_json(sidecar) if sidecar.is_file() else {}


def load_keras_model(path):
    """Returns the model of a `.keras` file.

    Raises:
        UserError: it cannot be loaded.
    """
    import keras

    import tfrecvis.models  # noqa: F401  registers the layers that the file names

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds on files that are not its own
        line = str(error).strip().partition("\n")[0]
        raise UserError(f"{path} cannot be loaded: {line}") from error


def from_keras(model, sidecar):
    """Returns the `Segmenter` of a Keras model.

    Args:
        model: Keras model, uint8 images to logits.
        sidecar: Dict; see `Segmenter`.
    """
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def predict(images):
        outputs = model(tf.cast(images, "float32"), training=False)
        return {"labels": tf.argmax(outputs, axis=-1, output_type=tf.int32)}

    fixed = tuple(model.input_shape[1:3])
    return Segmenter(
        lambda images: {"labels": predict(tf.constant(images))["labels"].numpy()},
        model.output_shape[-1],
        sidecar,
        None if None in fixed else fixed,
        model,
    )


def _load_artefact(path):
    from tfrecvis.export import load_artefact

    try:
        artefact = load_artefact(path)
    except (ValueError, OSError, ImportError) as error:
        raise UserError(str(error)) from error
    except Exception as error:  # each runtime has kinds of its own for a broken file
        raise UserError(f"{path} cannot be loaded ({error}).") from error
    size = tuple(artefact.image_size)
    fixed = None if None in size else size
    # How many classes there are shows in what comes out.
    trial = np.zeros((1, *(fixed or (64, 64)), 3), "uint8")
    num_classes = artefact.predict(trial)["probabilities"].shape[-1]
    sidecar = {"class_names": artefact.class_names}
    classes = (path if path.is_dir() else path.parent) / CLASSES
    if classes.is_file():
        sidecar.update(read_json(classes))
    return Segmenter(artefact.predict, num_classes, sidecar, fixed)


def _load_preset(name):
    from tfrecvis.models import presets

    names = list(presets.PRESETS)
    if name not in names:
        raise UserError(
            f"There is no model `{name}`, neither a path nor a preset. "
            + nearest(name, names)
        )
    model, sidecar = presets.load_preset(name)
    return from_keras(model, sidecar)
