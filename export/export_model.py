"""One call that exports a model in every format and proves each artefact."""

from dataclasses import replace

import numpy as np
import tensorflow as tf

from tfrecvis import ops
from tfrecvis.export import arguments, parity
from tfrecvis.export.card import complete_card
from tfrecvis.export.child_process import run_jobs
from tfrecvis.export.child_process.measure import clock
from tfrecvis.export.errors import ExportError
from tfrecvis.export.formats import litert, onnx, tracing
from tfrecvis.export.formats.saved_model import (
    bytes_signature,
    encode_images,
    write_saved_model,
)
from tfrecvis.export.predictor import DEFAULT
from tfrecvis.export.report import (
    describe_signatures,
    machine,
    size_in_bytes,
    versions,
    write_report,
)
from tfrecvis.export.version_directory import version_directory


def export_model(
    signatures,
    directory,
    examples,
    version=1,
    formats=None,
    card=None,
    tolerances=None,
    progress=None,
):
    """Exports a model for servers and phones, and proves each artefact.

    Writes `<directory>/<version>/`, the layout of TensorFlow Serving:

        saved_model.pb, variables/   every signature; where one takes images, a second
        assets/model.json            one that takes them encoded (`serving_bytes`)
        model_float32.tflite         LiteRT, builtin operators only, any batch
        model_float16.tflite         the same, weights in half precision
        model_int8.tflite            the same, weights of large matrices in 8 bits
        model.onnx                   ONNX; a further signature is `model_<name>.onnx`
        report.json, report.md       what each answered, how fast, and how to call it

    Every artefact runs on the examples in its own runtime, in a process where tfrecvis
    and Keras cannot be imported. One that differs from the Keras model by more than its
    tolerance (`tfrecvis.export.TOLERANCES`) fails the export. The directory appears
    whole or not at all: after an error, a full disk or Ctrl-C, nothing stays.

    A mixed-precision model is exported in float32. Open axes stay open in SavedModel
    and ONNX; in LiteRT files only the batch does, and the others have the sizes of the
    examples.

    Args:
        signatures: List of `tfrecvis.models.Signature`, as the `signatures` functions
            of `tfrecvis.models.segmentation` and its neighbours make of a model.
        directory: Folder of all versions of this model.
        examples: Dict of the inputs of `serving_default`: arrays with a batch axis, a
            handful of real entries to compare on, of the size that matters. With
            several signatures, a dict of a signature's name to such a dict.
        version: Positive integer. A version that exists is never overwritten.
        formats: Some of "saved_model", "litert", "onnx"; None: all whose libraries are
            installed.
        card: Dict that travels inside every artefact, or None; see
            `tfrecvis.export.card`.
        tolerances: Dict of artefact name to the largest difference, in place of the
            entry in `TOLERANCES`.
        progress: Function that is called with what is done next, a string, or None.

    Returns:
        Dict: the report, as in `report.json`. `report["artefacts"]` maps a name
        ("saved_model", "litert_float32", "litert_float16", "litert_int8", "onnx") to
        its file, its bytes, and under "signatures" to the milliseconds, differences and
        agreement of each of its signatures.

    Raises:
        ValueError: an argument is wrong, or the version exists; before any work.
        ImportError: a format's library is not installed.
        ExportError: a converter failed, or an artefact differs; its `report` holds
            what was measured.
        OSError: the disk is full or not writable.

    Example:

    >>> import tempfile
    >>> import keras
    >>> from tfrecvis.export import export_model
    >>> from tfrecvis.models import segmentation
    >>> images = keras.Input((None, None, 3))
    >>> model = keras.Model(images, keras.layers.Conv2D(2, 1)(images))
    >>> photos = {"images": np.zeros((1, 4, 6, 3), "uint8")}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = export_model(
    ...         segmentation.signatures(model), folder, photos, formats=["saved_model"]
    ...     )
    >>> report["artefacts"]["saved_model"]["signatures"]["serving_bytes"]["agreement"]
    1.0
    """
    progress = progress or (lambda what: None)
    named = formats is not None
    formats = arguments.check_formats(formats)
    tolerances = arguments.check_tolerances(tolerances)
    signatures = arguments.check_signatures(signatures)
    formats = arguments.check_written(formats, signatures, named)
    examples = arguments.check_examples(examples, signatures)
    arguments.check_target(directory, version)
    card = complete_card(card, signatures)

    signatures = _in_float32(signatures)
    progress("computing the answers of the Keras model")
    traced = {signature.name: tracing.trace(signature) for signature in signatures}
    reference = {
        name: _reference(concrete, examples[name]) for name, concrete in traced.items()
    }
    for signature in list(signatures):
        encoded = bytes_signature(signature)
        if encoded is None or "saved_model" not in formats:
            continue
        if encoded.name not in reference and "saved_model" in signature.formats:
            signatures.append(encoded)
            given = examples[signature.name]
            examples[encoded.name] = encode_images(signature, given)
            reference[encoded.name] = reference[signature.name]
            traced[encoded.name] = tracing.trace(encoded)
    model = next(s.model for s in signatures if s.name == DEFAULT)
    report = {
        "model": model.name,
        "version": int(version),
        "parameters": int(model.count_params()),
        "card": card,
        "examples": {
            name: {key: list(value.shape) for key, value in inputs.items()}
            for name, inputs in examples.items()
        },
        "keras_milliseconds": {
            name: _time_keras(concrete, examples[name])
            for name, concrete in traced.items()
        },
        "artefacts": {},
        "versions": versions(),
        "machine": machine(),
    }
    with version_directory(directory, version) as (bundle, scratch):
        artefacts = _write(
            signatures, traced, examples, formats, card, bundle, scratch, progress
        )
        report["signatures"] = describe_signatures(signatures, artefacts, examples)
        _compare(
            report,
            signatures,
            reference,
            examples,
            artefacts,
            tolerances,
            scratch,
            progress,
        )
        write_report(report, bundle)
    return report


def _in_float32(signatures):
    twins = {}
    for signature in signatures:
        model = signature.model
        twins.setdefault(id(model), tracing.float32_model(model))
    return [
        replace(signature, model=twins[id(signature.model)]) for signature in signatures
    ]


def _reference(concrete, inputs):
    answer = tracing.reference_answers(concrete, inputs, parity.BATCH_SIZE)
    for name, value in answer.items():
        if not np.issubdtype(value.dtype, np.floating):
            continue
        broken = np.flatnonzero(~np.isfinite(value.reshape(len(value), -1)).all(1))
        if broken.size:
            raise ExportError(
                f"The model itself gives NaN or infinite {name} for example "
                f"{', '.join(str(index) for index in broken[:5])}. Check its weights."
            )
    return answer


def _write(signatures, traced, examples, formats, card, bundle, scratch, progress):
    """Writes all files; returns a dict of name to (path, bytes, signatures' names)."""
    artefacts = {}

    def those_of(name):
        return [s for s in signatures if name in formats and name in s.formats]

    served = those_of("saved_model")
    if served:
        progress("writing the SavedModel")
        write_saved_model({s.name: traced[s.name] for s in served}, bundle, card)
        # The folder holds no more than the SavedModel yet.
        artefacts["saved_model"] = bundle, size_in_bytes(bundle), _names(served)
    jobs, files = [], {}
    # The TensorList-free lowering for LiteRT, which has no such lists, and for ONNX:
    # tf2onnx reads a TensorArray in the order of the loop, whatever the index, so that
    # a reverse sweep over TensorArrays would come out wrong.
    with ops.lowering("buffer"):
        carried = those_of("litert")
        if carried:
            sizes = {s.name: _sizes(s, examples[s.name]) for s in carried}
            tracing.write_frozen(
                {s.name: tracing.trace(s, sizes[s.name]) for s in carried},
                scratch / "litert",
            )
        portable = those_of("onnx")
        if portable:
            tracing.write_frozen(
                {s.name: tracing.trace(s) for s in portable}, scratch / "onnx"
            )
    borne = [
        precision
        for precision in litert.PRECISIONS
        if carried and all(precision in signature.weights for signature in carried)
    ]
    for precision in borne:
        path = bundle / f"model_{precision}.tflite"
        files[f"litert_{precision}"] = path, _names(carried)
        job = {
            "frozen": str(scratch / "litert"),
            "path": str(path),
            "precision": precision,
            "card": {
                **card,
                "signatures": {s.name: card["signatures"][s.name] for s in carried},
            },
        }
        jobs.append((f"litert_{precision}", litert.__file__, "convert", job))
    for signature in portable:
        suffix = "" if signature.name == DEFAULT else f"_{signature.name}"
        path = bundle / f"model{suffix}.onnx"
        files[f"onnx{suffix}"] = path, [signature.name]
        job = {
            "frozen": str(scratch / "onnx"),
            "path": str(path),
            "signature": signature.name,
            "axes": {
                name: spec.axes
                for name, spec in {**signature.inputs, **signature.outputs}.items()
            },
            "card": card,
        }
        jobs.append((f"onnx{suffix}", onnx.__file__, "convert", job))
    if jobs:
        progress(f"converting {', '.join(name for name, *_ in jobs)}")
        run_jobs(jobs, scratch)
    for name, (path, names) in files.items():
        artefacts[name] = path, size_in_bytes(path), names
    return artefacts


def _names(signatures):
    return [signature.name for signature in signatures]


def _sizes(signature, inputs):
    """The sizes that open axes but the batch have in the examples."""
    sizes = {}
    for name, spec in signature.inputs.items():
        for axis, size in zip(spec.axes[1:], inputs[name].shape[1:], strict=True):
            if isinstance(axis, str):
                sizes[axis] = int(size)
    return sizes


def _compare(
    report, signatures, reference, examples, artefacts, tolerances, scratch, progress
):
    progress("running every artefact")
    signatures = {signature.name: signature for signature in signatures}
    results = parity.run_artefacts(
        {name: (path, names) for name, (path, _, names) in artefacts.items()},
        examples,
        scratch,
    )
    problems = []
    for artefact, answers in results.items():
        path, size, _ = artefacts[artefact]
        tolerance = tolerances["onnx" if path.suffix == ".onnx" else artefact]
        entries = {}
        for name, (answer, times) in answers.items():
            entries[name] = {
                **times,
                **parity.compare(signatures[name], reference[name], answer, tolerance),
            }
            if entries[name]["problem"]:
                problems.append(f"{artefact}, {name}: {entries[name]['problem']}")
        report["artefacts"][artefact] = {
            "file": "saved_model.pb" if path.suffix == "" else path.name,
            "bytes": size,
            "signatures": entries,
        }
    if problems:
        raise ExportError(
            "Artefacts do not compute what the model computes, so nothing was written. "
            f"{'; '.join(problems)}. Where a difference is small enough for your "
            "purpose, pass a wider one in `tolerances`.",
            report=report,
        )


def _time_keras(concrete, inputs):
    with tf.device("/CPU:0"):
        one = {name: tf.constant(value[:1]) for name, value in inputs.items()}
        return clock(lambda: concrete(**one))["milliseconds"]
