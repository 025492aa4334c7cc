"""Compares what artefacts answer with what the model answers."""

from pathlib import Path

import numpy as np

from tfrecvis.export.child_process import measure, run_jobs

# The largest difference of a probability that an artefact may show, and why.
TOLERANCES = {
    # The same kernels on the same weights; only fusion and the order of sums differ.
    "saved_model": 1e-4,
    # Other kernels: the order of sums differs, and a recurrent sweep carries that
    # from pixel to pixel. Measured: below 1e-5.
    "litert_float32": 1e-4,
    "onnx": 1e-4,
    # Weights rounded to 11 bits: a relative error of 5e-4 each.
    "litert_float16": 2e-2,
    # Weights rounded to 8 bits, a relative error of up to 4e-3 of the largest in the
    # matrix, and activations rounded anew in every product. The largest difference is
    # that of the least certain pixel; the mean must stay ten times below.
    "litert_int8": 2e-1,
}
BATCH_SIZE = 4


def compare(signature, reference, answer, tolerance):
    """Returns how far an answer lies from the reference, and what is too far.

    Shapes and dtypes must be equal and numbers finite; then the signature's own
    comparison decides.

    Args:
        signature: A `tfrecvis.models.Signature`.
        reference: Dict of arrays.
        answer: Dict of arrays.
        tolerance: Float.

    Returns:
        Dict: "largest_difference", "mean_difference", "agreement", "tolerance" and
        "problem" (a string, or None).

    Example:

    >>> from tfrecvis.models import SequenceTagger, sequences
    >>> (signature,) = sequences.signatures(SequenceTagger(11, units=4, depth=2))
    >>> reference, answer = {"labels": np.zeros(2)}, {"labels": np.zeros(3)}
    >>> compare(signature, reference, answer, tolerance=0)["problem"]
    'its labels have the shape (3,), not (2,)'
    """
    result = dict.fromkeys(("largest_difference", "mean_difference", "agreement"))
    result.update(tolerance=tolerance, problem=None)
    for name, wanted in reference.items():
        given = answer.get(name)
        if given is None or given.shape != wanted.shape:
            shape = None if given is None else given.shape
            what = "nothing" if given is None else f"the shape {shape}"
            result["problem"] = f"its {name} have {what}, not {wanted.shape}"
            return result
        if given.dtype != wanted.dtype:
            result["problem"] = f"its {name} are {given.dtype}, not {wanted.dtype}"
            return result
        if np.issubdtype(given.dtype, np.floating) and not np.isfinite(given).all():
            result["problem"] = f"its {name} hold NaN or infinite values"
            return result
    return {**result, **signature.compare(reference, answer, tolerance)}


def run_artefacts(artefacts, examples, scratch):
    """Runs artefacts on the same examples, in a process without tfrecvis and Keras.

    Args:
        artefacts: Dict of name to `(path, names of its signatures)`.
        examples: Dict of a signature's name to a dict of its inputs.
        scratch: Existing folder for the messages between the processes.

    Returns:
        Dict of name to a dict of a signature's name to `(answer, times)`: what
        `Predictor.predict` returns, and the dict of `measure.clock`.
    """
    scratch = Path(scratch)
    files = {}
    for name, inputs in examples.items():
        files[name] = str(scratch / f"{name}.npz")
        np.savez(files[name], **inputs)
    answers, jobs = {}, []
    for number, (name, (path, signatures)) in enumerate(artefacts.items()):
        answers[name] = {
            signature: str(scratch / f"answer-{number}-{signature}.npz")
            for signature in signatures
        }
        arguments = {
            "artefact": str(path),
            "examples": {signature: files[signature] for signature in signatures},
            "answers": answers[name],
            "batch_size": BATCH_SIZE,
        }
        jobs.append((name, measure.__file__, "measure", arguments))
    times = run_jobs(jobs, scratch, blocked=("tfrecvis", "keras", "tf_keras"))
    results = {}
    for name, stored in answers.items():
        results[name] = {}
        for signature, file in stored.items():
            # Strings are Python objects; the child wrote the file just now.
            with np.load(file, allow_pickle=True) as answer:
                results[name][signature] = dict(answer), times[name][signature]
    return results
