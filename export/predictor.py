"""Loads what an export wrote, each format in its own runtime, and predicts with it.

This file imports nothing of tfrecvis and Keras: the parity report runs it in a process
where neither can be imported.
"""

import json
import zipfile
from pathlib import Path

import numpy as np

# What an artefact says of itself; see `tfrecvis.export.card`.
CARD = "model.json"
# Default signature of TensorFlow Serving.
DEFAULT = "serving_default"


class Predictor:
    """A model in any form, ready to predict: named arrays in, named arrays out.

    Made by `load_artefact`, or of a Keras model by `keras_predictor`.

    Attributes:
        kind: "saved_model", "litert", "onnx" or "keras".
        path: The artefact's path, or None.
        card: Dict, what the artefact says of itself: "task", "class_names" and so on;
            empty where it says nothing.
        signatures: Dict of a signature's name to a dict of its inputs' names to
            `(shape, dtype)`; an entry of a shape is None where any size will do.

    Example:

    >>> import keras
    >>> from tfrecvis.export import keras_predictor
    >>> from tfrecvis.models import segmentation
    >>> images = keras.Input((None, None, 3))
    >>> model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    >>> predictor = keras_predictor(segmentation.signatures(model))
    >>> predictor.predict({"images": np.zeros((1, 4, 6, 3), "uint8")})["labels"].shape
    (1, 4, 6)
    """

    def __init__(self, kind, run, signatures, card=None, path=None):
        self.kind = kind
        self.path = path
        self.card = card or {}
        self.signatures = signatures
        self._run = run

    def predict(self, batch, signature=DEFAULT):
        """Returns the answers to a batch.

        Args:
            batch: Dict of the signature's inputs, arrays with a batch axis. Other
                entries are ignored.
            signature: String.

        Returns:
            Dict of NumPy arrays, with a batch axis.

        Raises:
            ValueError: there is no such signature, an input is missing, or an array
                is not what the signature takes.
        """
        if not isinstance(batch, dict):
            raise ValueError(
                "`batch` must be a dict of the inputs' names to arrays. Received: "
                f"{type(batch).__name__}. Write, for instance, {{'images': photos}}."
            )
        if signature not in self.signatures:
            raise ValueError(
                f"There is no signature {signature!r}. Use one of "
                f"{', '.join(self.signatures)}."
            )
        specs = self.signatures[signature]
        missing = [name for name in specs if name not in batch]
        if missing:
            raise ValueError(
                f"{signature} takes {', '.join(specs)}. Received: no {missing[0]}."
            )
        inputs = {
            name: self._checked(signature, name, batch[name], *spec)
            for name, spec in specs.items()
        }
        check_counts(inputs)
        check_axes(inputs, {name: self.axes(name, signature) for name in inputs})
        return self._run(signature, inputs)

    def axes(self, name, signature=DEFAULT):
        """Returns names or sizes of an input's axes, None where neither is known."""
        spec = self.card.get("signatures", {}).get(signature, {}).get(name, {})
        return tuple(spec.get("axes", self.signatures[signature][name][0]))

    def _checked(self, signature, name, value, shape, dtype):
        try:
            return check_array(name, value, shape, dtype, self.axes(name, signature))
        except WrongSize as error:
            fixed = f"{self.path.name} takes" if self.path else "The model takes"
            raise ValueError(
                f"{error} {fixed} this size only: resize what goes in, or export with "
                "examples of the size that you need."
            ) from None


def check_counts(inputs):
    """Refuses a dict of arrays that hold different numbers of entries.

    Example:

    >>> check_counts({"tokens": np.zeros((2, 9)), "mask": np.zeros((3, 9))})
    Traceback (most recent call last):
    ValueError: All inputs must hold the same number of entries. Received: 2 of \
tokens, 3 of mask.
    """
    counts = {name: len(value) for name, value in inputs.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            "All inputs must hold the same number of entries. Received: "
            + ", ".join(f"{count} of {name}" for name, count in counts.items())
            + "."
        )


def check_axes(inputs, axes):
    """Refuses a dict of arrays that differ in the size of an axis of the same name.

    Args:
        inputs: Dict of names to arrays.
        axes: Dict of these names to the names or sizes of the axes.

    Example:

    >>> inputs = {"tokens": np.zeros((2, 9)), "mask": np.zeros((2, 8))}
    >>> check_axes(inputs, dict.fromkeys(inputs, ("batch", "steps")))
    Traceback (most recent call last):
    ValueError: All inputs must have the same number of steps. Received: 9 in \
`tokens`, 8 in `mask`.
    """
    first = {}  # axis -> the input that has it first, and its size there
    for name, array in inputs.items():
        for axis, size in zip(axes[name], np.shape(array), strict=True):
            if not isinstance(axis, str):
                continue
            other, wanted = first.setdefault(axis, (name, size))
            if size != wanted:
                raise ValueError(
                    f"All inputs must have the same number of {axis}. Received: "
                    f"{wanted} in `{other}`, {size} in `{name}`."
                )


class WrongSize(ValueError):
    """An array that would do if it had another size."""


def check_array(name, value, shape, dtype, axes=None):
    """Returns `value` as the array that an input takes, or says what is wrong.

    Integers and floats are converted to the dtype where nothing but their width
    changes.

    Args:
        name: String, the input's name.
        value: Array, or a list of numbers or arrays.
        shape: Tuple; an entry is None where any size will do. The first is the batch.
        dtype: String.
        axes: Names or sizes of the axes, for messages.

    Raises:
        ValueError: another rank, size or dtype; NaN; nothing in it.

    Example:

    >>> check_array("images", np.zeros((4, 6, 3), "uint8"), (None,) * 3 + (3,), "uint8")
    Traceback (most recent call last):
    ValueError: `images` must have the shape (any, any, any, 3). Received: (4, 6, 3). \
Add the batch axis: images[None].
    """
    if isinstance(value, (list, tuple)):
        try:
            shapes = sorted({np.shape(entry) for entry in value})
        except ValueError:  # what NumPy says of lists in lists
            raise ValueError(
                f"All entries of `{name}` must be arrays, or lists that make one. "
                "Received: lists of different lengths. Pad them to one length."
            ) from None
        if len(shapes) > 1:
            raise ValueError(
                f"All entries of `{name}` must share one size. Received: shapes "
                f"{', '.join(map(str, shapes))}. Resize them, or pass them one size at "
                "a time."
            )
    value = np.asarray(value, object if dtype == "string" else None)
    words = ", ".join("any" if axis is None else str(axis) for axis in axes or shape)
    wanted = f"`{name}` must have the shape ({words})"
    if value.ndim != len(shape):
        fix = ""
        if value.ndim == len(shape) - 1:
            fix = f" Add the batch axis: {name}[None]."
        raise ValueError(f"{wanted}. Received: {value.shape}.{fix}")
    if 0 in value.shape:
        raise ValueError(f"{wanted}, no axis empty. Received: {value.shape}.")
    for size, given in zip(shape, value.shape, strict=True):
        if size not in (None, given):
            raise WrongSize(f"{wanted}. Received: {value.shape}.")
    if np.issubdtype(value.dtype, np.floating):
        broken = np.flatnonzero(~np.isfinite(value.reshape(len(value), -1)).all(1))
        if broken.size:
            raise ValueError(
                f"`{name}` must hold finite values. Received: NaN or infinity in "
                f"entry {', '.join(str(index) for index in broken[:5])}."
            )
    if dtype == "string":
        wrong = {type(v).__name__ for v in value.flat if not isinstance(v, str | bytes)}
        if wrong:
            raise ValueError(
                f"`{name}` must hold strings or bytes. Received: "
                f"{', '.join(sorted(wrong))}."
            )
        return value
    if value.dtype == dtype:
        return value
    if np.can_cast(value.dtype, dtype, "same_kind") and dtype != "uint8":
        with np.errstate(over="ignore"):
            converted = value.astype(dtype)
        if np.issubdtype(converted.dtype, np.floating):
            kept = np.isfinite(converted).all()
        else:
            kept = (converted == value).all()
        if not kept:
            raise ValueError(
                f"`{name}` must be {dtype}. Received: {value.dtype}, with values that "
                f"{dtype} cannot hold, from {value.min()} to {value.max()}."
            )
        return converted
    fix = ""
    if dtype == "uint8":
        fix = (
            f" Convert images: np.clip(np.rint({name}), 0, 255).astype('uint8'), after "
            "scaling to 0-255."
        )
    raise ValueError(f"`{name}` must be {dtype}. Received: {value.dtype}.{fix}")


def load_artefact(path):
    """Loads a SavedModel folder, a `.tflite` or an `.onnx` file.

    Each runs in its own runtime: TensorFlow only, ai-edge-litert, onnxruntime.

    Args:
        path: The file, or the folder that holds `saved_model.pb`.

    Returns:
        A `Predictor`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: the path is none of the three kinds.
        ImportError: the format's runtime is not installed.

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
        fix = f" Name a version below it: {', '.join(versions)}." if versions else ""
        raise ValueError(f"The folder {path} holds no saved_model.pb.{fix}")
    if path.suffix not in _LOADERS:
        raise ValueError(
            "An artefact is a SavedModel folder or a file that ends in "
            f"{' or '.join(_LOADERS)}. Received: {path}."
        )
    return _LOADERS[path.suffix](path)


def _load_saved_model(path):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    specs = {
        name: {
            key: (tuple(spec.shape), spec.dtype.name)
            for key, spec in function.structured_input_signature[1].items()
        }
        for name, function in loaded.signatures.items()
    }

    def run(signature, inputs):  # keeps `loaded`, and with it the variables, alive
        function = loaded.signatures[signature]
        answer = function(**{name: tf.constant(v) for name, v in inputs.items()})
        return {name: value.numpy() for name, value in answer.items()}

    file = path / "assets" / CARD
    card = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return Predictor("saved_model", run, specs, card, path)


def _load_litert(path):
    interpreter_class = _library(
        "ai_edge_litert.interpreter", "LiteRT files", "ai-edge-litert", "litert"
    ).Interpreter
    interpreter = interpreter_class(model_path=str(path))
    # Signatures are read by name: the order of inputs and outputs is not kept.
    runners = {
        name: interpreter.get_signature_runner(name)
        for name in interpreter.get_signature_list()
    }

    def shape(detail):
        sizes = detail.get("shape_signature", detail["shape"])
        return tuple(int(size) if size >= 0 else None for size in sizes)

    specs = {
        name: {
            key: (shape(detail), np.dtype(detail["dtype"]).name)
            for key, detail in runner.get_input_details().items()
        }
        for name, runner in runners.items()
    }

    def run(signature, inputs):
        answer = runners[signature](**inputs)
        return {name: np.array(value) for name, value in answer.items()}

    return Predictor("litert", run, specs, _litert_card(path), path)


def _litert_card(path):
    # Associated files of a LiteRT file are a ZIP archive at its end.
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(CARD))
    except (zipfile.BadZipFile, KeyError):
        return {}


def _load_onnx(path):
    onnxruntime = _library("onnxruntime", "ONNX files", "onnxruntime", "onnx")
    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    metadata = session.get_modelmeta().custom_metadata_map
    name = metadata.get("signature", DEFAULT)
    dtypes = {"float": "float32", "double": "float64"}
    specs = {}
    for value in session.get_inputs():
        shape = tuple(size if isinstance(size, int) else None for size in value.shape)
        dtype = value.type.removeprefix("tensor(").removesuffix(")")
        specs[value.name] = shape, dtypes.get(dtype, dtype)
    names = [output.name for output in session.get_outputs()]

    def run(signature, inputs):
        return dict(zip(names, session.run(None, inputs), strict=True))

    card = json.loads(metadata.get(CARD, "{}"))
    return Predictor("onnx", run, {name: specs}, card, path)


def _library(module, what, package, extra):
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{what} need {package}, which is not installed. Install it: pip install "
            f"'tfrecvis[{extra}]'"
        ) from error


_LOADERS = {".tflite": _load_litert, ".onnx": _load_onnx}
