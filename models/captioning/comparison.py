"""How far the captions of an artefact lie from those of its model."""

import numpy as np

from tfrecvis.models.comparison import compare_values


def compare_captions(reference, answer, tolerance):
    """Compares sentences, and what goes with those that are equal.

    A sentence must be the same, or one that the model finds as likely: scores are sums
    of logarithms, so they may differ by the tolerance for each word and the end. So may
    those of equal sentences. Attention may differ by the tolerance in each of its
    entries, where the sentences are equal.

    Args:
        reference: Dict of the arrays of a captioner's answer.
        answer: Dict of the same.
        tolerance: Float.

    Returns:
        A dict; see `tfrecvis.models.comparison`. Its differences are those of scores,
        per word, and of attention; its agreement is the share of equal sentences.

    Example:

    >>> a = {"tokens": np.array([[4, 0]]), "scores": np.array([-1.0]),
    ...      "lengths": np.array([1])}
    >>> b = {**a, "tokens": np.array([[5, 0]]), "scores": np.array([-1.5])}
    >>> compare_captions(a, b, 1e-4)["problem"]
    'it says another sentence of 1 image, which is not as likely'
    """
    same = (reference["tokens"] == answer["tokens"]).all(-1)
    steps = 1 + np.maximum(reference["lengths"], answer["lengths"])
    apart = np.abs(reference["scores"].astype("float64") - answer["scores"]) / steps
    result = compare_values(
        {
            "scores": apart,
            **{
                name: value[same]
                for name, value in reference.items()
                if name in ("lengths", "attention", "captions")
            },
        },
        {
            "scores": np.zeros_like(apart),
            **{
                name: answer[name][same]
                for name in reference
                if name in ("lengths", "attention", "captions")
            },
        },
        tolerance,
    )
    result["agreement"] = float(same.mean()) if same.size else None
    unlike = int((~same & (apart > tolerance)).sum())
    if unlike:
        images = "1 image" if unlike == 1 else f"{unlike} images"
        result["problem"] = (
            f"it says another sentence of {images}, which is not as likely"
        )
    return result
