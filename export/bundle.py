"""One call that exports a model in every format and proves each artefact."""

import numbers
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfrecvis import ops
from tfrecvis.export import graph, litert, onnx, parity
from tfrecvis.export.artefacts import are_probabilities, check_images, softmax
from tfrecvis.export.errors import ExportError
from tfrecvis.export.isolated import clock
from tfrecvis.export.processes import run_jobs
from tfrecvis.export.report import machine, size_in_bytes, versions, write_report
from tfrecvis.export.saved_model import write_saved_model
from tfrecvis.export.versioned import versioned_directory

FORMATS = ("saved_model", "litert", "onnx")


def export_model(
    model,
    directory,
    images,
    version=1,
    formats=FORMATS,
    image_size=None,
    class_names=None,
    tolerances=None,
):
    """Exports a segmentation model for servers and phones, and proves each artefact.

    Writes `<directory>/<version>/`, the layout of TensorFlow Serving:

        saved_model.pb, variables/   signatures serving_default and serving_bytes
        model_float32.tflite         LiteRT, builtin operators alone, any batch
        model_float16.tflite         the same, weights in half precision
        model_int8.tflite            the same, weights of large matrices in 8 bits
        model.onnx                   ONNX, any batch; any size if the model takes any
        report.json, report.md       what each computed on `images`, and how fast

    Images are uint8, RGB, 0-255. All artefacts return `labels`, int32, and
    `probabilities`, float32; a mixed-precision model is exported in float32.

    Every artefact runs on `images` in its own runtime, in a process where tfrecvis and
    Keras cannot be imported. One that differs from the Keras model by more than its
    tolerance (`tfrecvis.export.TOLERANCES`) fails the export. The directory appears
    whole or not at all: after an error, a full disk or Ctrl-C, nothing stays.

    Args:
        model: Functional Keras model, `(batch, height, width, channels)` to `(batch,
            height, width, classes)`, logits or probabilities.
        directory: Folder of all versions of this model.
        images: uint8 `(batch, height, width, channels)`, 0-255: real images to compare
            on, of the size that matters. A handful is enough.
        version: Positive integer. A version that exists is never overwritten.
        formats: Some of "saved_model", "litert", "onnx".
        image_size: `(height, width)` in pixels of the LiteRT files, whose size is
            fixed. None takes that of `images`; otherwise `images` are resized to it.
        class_names: List of strings for the report, one a label, or None.
        tolerances: Dict of artefact name to the largest difference of a probability,
            in place of the entry in `TOLERANCES`.

    Returns:
        Dict: the report, as in `report.json`. `report["artefacts"]` maps a name
        ("saved_model", "litert_float32", "litert_float16", "litert_int8", "onnx") to
        its file, bytes, milliseconds, differences and agreement.

    Raises:
        ValueError: an argument is wrong, or the version exists; before any work.
        ExportError: a library is missing, a converter failed, or an artefact differs;
            its `report` holds what was measured.
        OSError: the disk is full or not writable.

    Example:

    >>> import keras, tempfile
    >>> import numpy as np
    >>> from tfrecvis.export import export_model
    >>> images = keras.Input((None, None, 3))
    >>> model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    >>> photos = np.zeros((1, 4, 6, 3), "uint8")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = export_model(model, folder, photos, formats=["saved_model"])
    >>> report["artefacts"]["saved_model"]["agreement"]
    1.0
    """
    formats = _check_formats(formats)
    tolerances = _check_tolerances(tolerances)
    channels = _check_model(model)
    images = check_images(images, channels)
    image_size = _check_image_size(image_size, images, model)
    _check_target(directory, version)
    images = _resize(images, image_size)

    model = graph.float32_model(model)
    outputs = graph.raw_outputs_in_batches(model, images, parity.BATCH_SIZE)
    num_classes = _check_outputs(outputs)
    _check_class_names(class_names, num_classes)
    from_logits = not are_probabilities(outputs)
    reference = {
        "labels": np.argmax(outputs, axis=-1).astype(np.int32),
        "probabilities": softmax(outputs) if from_logits else outputs,
    }
    report = {
        "model": model.name,
        "version": int(version),
        "parameters": int(model.count_params()),
        "num_classes": num_classes,
        "class_names": None if class_names is None else [str(n) for n in class_names],
        "image_size": list(image_size),
        "images": {
            "count": len(images),
            "height": images.shape[1],
            "width": images.shape[2],
        },
        "keras_milliseconds": _time_keras(model, images, from_logits),
        "artefacts": {},
        "interfaces": _interfaces(model, formats, image_size),
        "versions": versions(),
        "machine": machine(),
    }
    with versioned_directory(directory, version) as (bundle, scratch):
        files = _write(model, formats, from_logits, image_size, bundle, scratch)
        # The model's own folder holds no more than the SavedModel yet.
        sizes = {name: size_in_bytes(path) for name, path in files.items()}
        _convert(formats, files, sizes, bundle, scratch)
        _compare(report, reference, images, files, sizes, tolerances, bundle, scratch)
        write_report(report, bundle)
    return report


def _write(model, formats, from_logits, image_size, bundle, scratch):
    files = {}
    if "saved_model" in formats:
        write_saved_model(model, bundle, from_logits)
        files["saved_model"] = bundle
    if "litert" in formats:
        with ops.lowering("buffer"):
            concrete = graph.trace(model, from_logits, image_size)
        graph.write_frozen(concrete, scratch / "litert")
    if "onnx" in formats:
        # tf2onnx reads a TensorArray in the order of the loop, whatever the index: a
        # reverse sweep over TensorArrays would come out wrong.
        with ops.lowering("buffer"):
            concrete = graph.trace(model, from_logits)
        graph.write_frozen(concrete, scratch / "onnx")
    return files


def _convert(formats, files, sizes, bundle, scratch):
    jobs, converted = [], {}
    if "litert" in formats:
        for precision in litert.PRECISIONS:
            name = f"litert_{precision}"
            converted[name] = bundle / f"model_{precision}.tflite"
            arguments = {
                "frozen": str(scratch / "litert"),
                "path": str(converted[name]),
                "precision": precision,
            }
            jobs.append((name, litert.__file__, "convert", arguments))
    if "onnx" in formats:
        converted["onnx"] = bundle / "model.onnx"
        arguments = {"frozen": str(scratch / "onnx"), "path": str(converted["onnx"])}
        jobs.append(("onnx", onnx.__file__, "convert", arguments))
    if jobs:
        run_jobs(jobs, scratch)
    files.update(converted)
    sizes.update({name: size_in_bytes(path) for name, path in converted.items()})


def _compare(report, reference, images, files, sizes, tolerances, bundle, scratch):
    results = parity.run_artefacts(files, images, scratch)
    for name, (prediction, times) in results.items():
        report["artefacts"][name] = {
            "file": "saved_model.pb" if files[name] == bundle else files[name].name,
            "bytes": sizes[name],
            **times,
            **parity.compare(reference, prediction, tolerances[name]),
        }
    problems = [
        f"{name}: {entry['problem']}"
        for name, entry in report["artefacts"].items()
        if entry["problem"]
    ]
    if problems:
        raise ExportError(
            "Artefacts do not compute what the model computes, so nothing was written. "
            f"{'; '.join(problems)}. Where a difference of probabilities is small "
            "enough for your purpose, pass a wider one in `tolerances`.",
            report=report,
        )


def _interfaces(model, formats, image_size):
    shape = graph.image_spec(model).shape
    size = " x ".join("any" if length is None else str(length) for length in shape[1:3])
    fixed = " x ".join(str(length) for length in image_size)
    gives = "labels int32, probabilities float32"
    rows = []
    if "saved_model" in formats:
        rows.append(("serving_default", f"images uint8, {size}", gives))
        rows.append(("serving_bytes", "image_bytes, JPEG or PNG of one size", gives))
    if "litert" in formats:
        rows.append(("model_*.tflite", f"images uint8, {fixed}, any batch", gives))
    if "onnx" in formats:
        rows.append(("model.onnx", f"images uint8, {size}, any batch", gives))
    return [dict(zip(("name", "takes", "gives"), row, strict=True)) for row in rows]


def _time_keras(model, images, from_logits):
    predict = graph.trace(model, from_logits)
    with tf.device("/CPU:0"):
        return clock(lambda: predict(tf.constant(images[:1])))["milliseconds"]


def _resize(images, image_size):
    if images.shape[1:3] == image_size:
        return images
    resized = tf.image.resize(images, image_size, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8).numpy()


def _check_formats(formats):
    if isinstance(formats, str):
        formats = (formats,)
    formats = tuple(formats)
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ValueError(
            f"`formats` must be some of {', '.join(map(repr, FORMATS))}. Received: "
            f"{formats}."
        )
    if "onnx" in formats and onnx.missing_libraries():
        raise ExportError(
            f"ONNX export needs {' and '.join(onnx.missing_libraries())}. Install "
            "them: pip install tfrecvis[onnx]. Or leave 'onnx' out of `formats`."
        )
    return formats


def _check_tolerances(tolerances):
    tolerances = dict(tolerances or {})
    for name, value in tolerances.items():
        if name not in parity.TOLERANCES:
            raise ValueError(
                f"`tolerances` has entries for {', '.join(parity.TOLERANCES)}. "
                f"Received: {name!r}."
            )
        if not isinstance(value, numbers.Real) or not 0 <= value <= 1:
            raise ValueError(
                "A tolerance is a difference of probabilities, 0 to 1. Received: "
                f"tolerances[{name!r}]={value!r}."
            )
    return {**parity.TOLERANCES, **tolerances}


def _check_model(model):
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            "Exports need Keras on TensorFlow; this process runs it on "
            f"{keras.backend.backend()}. Save the model as .keras, load it under "
            "KERAS_BACKEND=tensorflow, and export there."
        )
    shape = getattr(model, "input_shape", None)
    if not isinstance(model, keras.Model) or not isinstance(shape, tuple):
        raise ValueError(
            "`model` must be a built Keras model with one input of images. Received: "
            f"{type(model).__name__} with the input shape {shape}."
        )
    if len(shape) != 4 or shape[-1] is None:
        raise ValueError(
            "`model` must take images (batch, height, width, channels), with a known "
            f"number of channels. Received: a model that takes {shape}."
        )
    outputs = model.output_shape
    if isinstance(outputs, list) or (
        isinstance(outputs, dict) and "logits" not in outputs
    ):
        raise ValueError(
            "`model` must have one output, or a dict of outputs with the key 'logits'. "
            f"Received: outputs of shapes {outputs}. Export a keras.Model(model.input, "
            "output) of the one that matters."
        )
    return shape[-1]


def _check_image_size(image_size, images, model):
    if image_size is None:
        image_size = images.shape[1:3]
    try:
        height, width = image_size
        right = all(
            isinstance(length, numbers.Integral) and length > 0
            for length in (height, width)
        )
    except (TypeError, ValueError):
        right = False
    if not right:
        raise ValueError(
            "`image_size` must be two positive integers, (height, width) in pixels. "
            f"Received: {image_size!r}."
        )
    for wanted, given in zip(model.input_shape[1:3], image_size, strict=True):
        if wanted not in (None, given):
            raise ValueError(
                f"The model takes images of {model.input_shape[1:3]} pixels. Received: "
                f"{tuple(image_size)}. Pass image_size={model.input_shape[1:3]}."
            )
    return int(height), int(width)


def _check_target(directory, version):
    whole = isinstance(version, numbers.Integral) and not isinstance(version, bool)
    if not whole or version < 1:
        raise ValueError(
            "`version` must be a positive integer: TensorFlow Serving serves the "
            f"highest. Received: {version!r}."
        )
    directory = Path(directory)
    if directory.exists() and not directory.is_dir():
        raise ValueError(f"`directory` must be a folder. {directory} is a file.")
    if (directory / str(version)).exists():
        taken = [int(path.name) for path in directory.iterdir() if path.name.isdigit()]
        raise ValueError(
            f"{directory / str(version)} exists, and an export never overwrites. Use "
            f"version={max(taken) + 1}, or remove it first."
        )


def _check_outputs(outputs):
    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        raise ValueError(
            "`model` must put out one value a class on its last axis, for two classes "
            f"or more. Received: outputs of shape {outputs.shape}. Give a model of one "
            "sigmoid a second class."
        )
    axes = tuple(range(1, outputs.ndim))
    broken = np.flatnonzero(~np.isfinite(outputs).all(axis=axes))
    if broken.size:
        raise ExportError(
            "The model itself predicts NaN or infinite values for image "
            f"{', '.join(str(index) for index in broken[:5])}. Check its weights."
        )
    return int(outputs.shape[-1])


def _check_class_names(class_names, num_classes):
    if class_names is not None and len(class_names) != num_classes:
        raise ValueError(
            f"`class_names` must name the model's {num_classes} classes. Received: "
            f"{len(class_names)} names."
        )
