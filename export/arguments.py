"""Checks of what `export_model` is given, before any work."""

import numbers
from pathlib import Path

import keras

from tfrecvis.export.errors import ExportError
from tfrecvis.export.formats import available
from tfrecvis.export.parity import TOLERANCES
from tfrecvis.export.predictor import DEFAULT, check_array, check_axes, check_counts
from tfrecvis.models.signature import FORMATS


def check_formats(formats):
    """Returns the formats to write, all that can be where none are named."""
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            "Exports need Keras on TensorFlow; this process runs it on "
            f"{keras.backend.backend()}. Save the model as .keras, load it under "
            "KERAS_BACKEND=tensorflow, and export there."
        )
    if formats is None:
        return available.formats()
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise ValueError(
            f"`formats` must be some of {', '.join(map(repr, FORMATS))}. Received: "
            f"{formats}."
        )
    for name in formats:
        available.check_format(name)
    return formats


def check_tolerances(tolerances):
    """Returns the tolerances of all artefacts."""
    tolerances = dict(tolerances or {})
    for name, value in tolerances.items():
        if name not in TOLERANCES:
            raise ValueError(
                f"`tolerances` has entries for {', '.join(TOLERANCES)}. "
                f"Received: {name!r}."
            )
        if not isinstance(value, numbers.Real) or not 0 <= value <= 1:
            raise ValueError(
                "A tolerance is a difference of probabilities, 0 to 1. Received: "
                f"tolerances[{name!r}]={value!r}."
            )
    return {**TOLERANCES, **tolerances}


def check_signatures(signatures):
    """Returns the signatures as a list."""
    if isinstance(signatures, keras.Model):
        raise ValueError(
            "`signatures` must be a list of tfrecvis.models.Signature. Received: a "
            "Keras model. Say what it answers, as in segmentation.signatures(model) "
            "after `from tfrecvis.models import segmentation`."
        )
    signatures = list(signatures)
    names = [signature.name for signature in signatures]
    if not names or len(set(names)) != len(names) or DEFAULT not in names:
        raise ValueError(
            f"`signatures` must have one name each, one of them {DEFAULT!r}. Received: "
            f"{names}."
        )
    for signature in signatures:
        _check_names(signature)
        for name, spec in signature.inputs.items():
            if not spec.axes or isinstance(spec.axes[0], int):
                raise ValueError(
                    "The first axis of every input must be an open one, the batch. "
                    f"Received: {name!r} of {signature.name} with the axes "
                    f"{spec.axes}. Build the model without a batch size."
                )
    return signatures


def _check_names(signature):
    for name in (signature.name, *signature.inputs, *signature.outputs):
        # They become arguments of functions, and parts of files' names.
        if not name.isidentifier():
            raise ValueError(
                "Names of signatures, inputs and outputs must be Python identifiers. "
                f"Received: {name!r}."
            )


def check_written(formats, signatures, named):
    """Returns the formats that some signature can be written in.

    Args:
        formats: Tuple of strings.
        signatures: List of `tfrecvis.models.Signature`.
        named: Boolean; whether the user named the formats, so that none is left out.
    """
    written = tuple(
        name for name in formats if any(name in s.formats for s in signatures)
    )
    if not written or (named and written != formats):
        lacking = [name for name in formats if name not in written]
        can = sorted({name for s in signatures for name in s.formats})
        raise ValueError(
            f"No signature can be written as {' or '.join(lacking)}. These signatures "
            f"are for {', '.join(can) or 'no format'}: see `formats` of "
            "tfrecvis.models.Signature."
        )
    return written


def check_examples(examples, signatures):
    """Returns the examples of each signature, as arrays that it takes."""
    names = [signature.name for signature in signatures]
    if not isinstance(examples, dict):
        raise ValueError(
            "`examples` must be a dict of the inputs' names to arrays. Received: "
            f"{type(examples).__name__}. Write, for instance, {{'images': photos}}."
        )
    if not any(name in examples for name in names):
        examples = {DEFAULT: examples}
    checked = {}
    for signature in signatures:
        given = examples.get(signature.name, {})
        if not isinstance(given, dict):
            raise ValueError(
                f"`examples[{signature.name!r}]` must be a dict of the inputs' names "
                f"to arrays. Received: {type(given).__name__}."
            )
        for name in signature.inputs:
            if name not in given:
                raise ValueError(
                    f"`examples` lacks the input {name!r} of {signature.name}. "
                    f"Received: {', '.join(given) or 'nothing'}."
                )
        checked[signature.name] = {
            name: check_array(name, given[name], spec.shape, spec.dtype, spec.axes)
            for name, spec in signature.inputs.items()
        }
        check_counts(checked[signature.name])
        axes = {name: spec.axes for name, spec in signature.inputs.items()}
        check_axes(checked[signature.name], axes)
    return checked


def check_target(directory, version):
    """Refuses a version that is there, and what is no version."""
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
