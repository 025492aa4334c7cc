"""Compares what artefacts compute with what the model computes."""

from pathlib import Path

import numpy as np

from tfrecvis.export.processes import run_jobs

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
MEAN_SHARE = 0.1  # of the tolerance, for the mean difference
BATCH_SIZE = 4


def compare(reference, prediction, tolerance):
    """Returns how far a prediction lies from the reference, and what is too far.

    Three things must hold: the largest difference of a probability is within
    `tolerance`; the mean difference is within a tenth of it; and the labels agree
    wherever the two likeliest classes of the reference lie further apart than twice
    the tolerance, so that no rounding can excuse another label.

    Args:
        reference: Dict of "labels" `(...)` and "probabilities" `(..., classes)`.
        prediction: Dict of the same.
        tolerance: Float, difference of probabilities.

    Returns:
        Dict: "largest_difference", "mean_difference", "agreement" (share of labels
        that are equal), "tolerance" and "problem" (a string, or None).

    Example:

    >>> import numpy as np
    >>> a = {"labels": np.array([1]), "probabilities": np.array([[0.25, 0.75]])}
    >>> b = {"labels": np.array([1]), "probabilities": np.array([[0.5, 0.5]])}
    >>> compare(a, b, tolerance=0.1)["problem"]
    'its largest difference is 0.25, over the tolerance of 0.1'
    """
    result = {
        "largest_difference": None,
        "mean_difference": None,
        "agreement": None,
        "tolerance": tolerance,
        "problem": None,
    }
    for key, wanted in reference.items():
        given = prediction.get(key)
        if given is None or given.shape != wanted.shape:
            shape = "nothing" if given is None else given.shape
            result["problem"] = f"its {key} have the shape {shape}, not {wanted.shape}"
            return result
    probabilities = reference["probabilities"].astype(np.float64)
    if not np.isfinite(prediction["probabilities"]).all():
        result["problem"] = "its probabilities hold NaN or infinite values"
        return result
    difference = np.abs(probabilities - prediction["probabilities"])
    largest, mean = float(difference.max()), float(difference.mean())
    equal = reference["labels"] == prediction["labels"]
    result["largest_difference"] = largest
    result["mean_difference"] = mean
    result["agreement"] = float(equal.mean())

    second, first = np.moveaxis(np.sort(probabilities, axis=-1)[..., -2:], -1, 0)
    inexcusable = int((~equal & (first - second > 2 * tolerance)).sum())
    if largest > tolerance:
        result["problem"] = (
            f"its largest difference is {largest:.3g}, over the tolerance of "
            f"{tolerance:g}"
        )
    elif mean > MEAN_SHARE * tolerance:
        result["problem"] = (
            f"its mean difference is {mean:.3g}, over a tenth of the tolerance of "
            f"{tolerance:g}"
        )
    elif inexcusable:
        result["problem"] = (
            f"its labels differ at {inexcusable} pixels where its probabilities do not"
        )
    return result


def run_artefacts(artefacts, images, scratch):
    """Runs artefacts on the same images, in a process without tfrecvis and Keras.

    Args:
        artefacts: Dict of name to path.
        images: uint8 array `(batch, height, width, channels)`.
        scratch: Existing folder for the messages between the processes.

    Returns:
        Dict of name to `(prediction, times)`: what `Artefact.predict` returns, and
        the dict of `tfrecvis.export.isolated.clock`.
    """
    scratch = Path(scratch)
    images_file = scratch / "images.npy"
    np.save(images_file, images)
    jobs = []
    for name, path in artefacts.items():
        arguments = {
            "artefact": str(path),
            "images_file": str(images_file),
            "predictions_file": str(scratch / f"{name}.npz"),
            "batch_size": BATCH_SIZE,
        }
        jobs.append(
            (name, str(Path(__file__).with_name("isolated.py")), "measure", arguments)
        )
    times = run_jobs(jobs, scratch, blocked=("tfrecvis", "keras", "tf_keras"))
    results = {}
    for name in artefacts:
        with np.load(scratch / f"{name}.npz") as prediction:
            results[name] = (dict(prediction), times[name])
    return results
