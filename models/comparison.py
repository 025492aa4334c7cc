"""How far the answer of an artefact lies from that of its model.

A comparison takes two answers, dicts of NumPy arrays of the same names and shapes, and
a tolerance. It returns a dict with

- `largest_difference`, `mean_difference`: floats, or None;
- `agreement`: float, the share of the answer's decisions that are equal, or None;
- `problem`: a clause that says what is too far apart, or None.
"""

import numpy as np

MEAN_SHARE = 0.1  # of the tolerance, for the mean difference


def compare_probabilities(reference, answer, tolerance, decision="labels"):
    """Compares decisions and the probabilities that they were taken from.

    Three things must hold: the largest difference of a probability is within
    `tolerance`; the mean difference is within a tenth of it; and the decisions agree
    wherever the two likeliest classes of the reference lie further apart than twice
    the tolerance, so that no rounding can excuse another decision.

    Args:
        reference: Dict of the decisions, integers `(...)`, and `"probabilities"`,
            `(..., classes)`.
        answer: Dict of the same.
        tolerance: Float, difference of probabilities.
        decision: String, the name of the decisions.

    Returns:
        A dict; see this module.

    Example:

    >>> a = {"labels": np.array([1]), "probabilities": np.array([[0.25, 0.75]])}
    >>> b = {"labels": np.array([1]), "probabilities": np.array([[0.5, 0.5]])}
    >>> compare_probabilities(a, b, tolerance=0.1)["problem"]
    'its largest difference of a probability is 0.25, over the tolerance of 0.1'
    """
    wanted = reference["probabilities"].astype(np.float64)
    difference = np.abs(wanted - answer["probabilities"])
    equal = reference[decision] == answer[decision]
    result = _differences(difference, equal)
    second, first = np.moveaxis(np.sort(wanted, axis=-1)[..., -2:], -1, 0)
    inexcusable = int((~equal & (first - second > 2 * tolerance)).sum())
    result["problem"] = _too_far(result, tolerance, "of a probability") or (
        f"{inexcusable} of its {decision} differ where its probabilities do not"
        if inexcusable
        else None
    )
    return result


def compare_values(reference, answer, tolerance):
    """Compares numbers within a tolerance; integers, booleans and strings to be equal.

    A difference counts relative to the largest entry of its array, or absolutely where
    all entries are below one.

    Args:
        reference: Dict of arrays.
        answer: Dict of the same.
        tolerance: Float.

    Returns:
        A dict; see this module.

    Example:

    >>> text = {"answer": np.array(["yes"], object)}
    >>> compare_values(text, {"answer": np.array(["no"], object)}, 1e-4)["problem"]
    'its answer differs in 1 of 1 entries'
    """
    differences, equal, problem = [], [], None
    for name, wanted in reference.items():
        given = answer[name]
        if np.issubdtype(wanted.dtype, np.floating):
            scale = max(1.0, float(np.abs(wanted).max(initial=0)))
            differences.append(
                np.abs(wanted.astype(np.float64) - given).ravel() / scale
            )
            continue
        same = (wanted == given).ravel()
        equal.append(same)
        if not same.all():
            wrong = int((~same).sum())
            problem = f"its {name} differs in {wrong} of {same.size} entries"
    result = _differences(
        np.concatenate(differences) if differences else None,
        np.concatenate(equal) if equal else None,
    )
    result["problem"] = problem or _too_far(result, tolerance, "")
    return result


def _differences(difference, equal):
    def number(values, summary):
        return None if values is None or not values.size else float(summary(values))

    return {
        "largest_difference": number(difference, np.max),
        "mean_difference": number(difference, np.mean),
        "agreement": number(equal, np.mean),
    }


def _too_far(result, tolerance, of_what):
    largest, mean = result["largest_difference"], result["mean_difference"]
    if largest is not None and not largest <= tolerance:
        words = " ".join(f"its largest difference {of_what}".split())
        return f"{words} is {largest:.3g}, over the tolerance of {tolerance:g}"
    if mean is not None and mean > MEAN_SHARE * tolerance:
        return (
            f"its mean difference is {mean:.3g}, over a tenth of the tolerance of "
            f"{tolerance:g}"
        )
    return None
