"""Which boxes of an annotation can be used, by one rule for all readers."""

import warnings

import numpy as np

from tfrecvis.data.problems import DataError, Problem, problem_lines

OVER = 1  # pixels over the border that are no problem: many annotations count from 0


def usable_boxes(boxes, names, class_names, size, file):
    """Boxes clipped to their image, without those that cannot be used.

    Left out are boxes with NaN or infinite corners, of an unknown class, without area
    or with swapped corners, and outside the image. Those that reach more than a pixel
    over its border are clipped and named, too.

    Args:
        boxes: List of (x1, y1, x2, y2) in pixels.
        names: List of strings, the class of each.
        class_names: List of strings, the known ones.
        size: `(height, width)` of the image.
        file: String, for the problems.

    Returns:
        The numbers of the boxes that are kept, their corners, float32 `(kept, 4)`, and
        a list of `Problem`.

    Example:

    >>> kept, corners, problems = usable_boxes(
    ...     [(0, 0, 4, 4), (6, 0, 5, 9)], ["cat", "cat"], ["cat"], (8, 8), "a.xml"
    ... )
    >>> kept, problems[0].reason
    ([0], 'has a box without area, [6.0, 0.0, 5.0, 9.0]: left out')
    """
    height, width = size
    kept, corners, problems = [], [], []
    for number, (box, name) in enumerate(zip(boxes, names, strict=True)):
        box = [float(value) for value in box]
        reason = None
        if not np.isfinite(box).all():
            reason = f"has a box with NaN or infinite corners, {box}: left out"
        elif name not in class_names:
            reason = f"has a box of the unknown class {name!r}: left out"
        elif box[2] <= box[0] or box[3] <= box[1]:
            reason = f"has a box without area, {box}: left out"
        elif box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
            reason = f"has a box outside the image, {box}: left out"
        if reason is not None:
            problems.append(Problem(file, reason))
            continue
        clipped = np.clip(box, 0, [width, height, width, height])
        if np.abs(clipped - box).max() > OVER:
            reason = f"has a box over the border, {box}: clipped"
            problems.append(Problem(file, reason))
        kept.append(number)
        corners.append(clipped)
    return kept, np.array(corners, "float32").reshape(-1, 4), problems


def report_boxes(problems, where, strict):
    """Says which boxes cannot be used: a warning, or an error when `strict`.

    Args:
        problems: List of `Problem`.
        where: String that names the data set.
        strict: Boolean.

    Raises:
        DataError: `strict`, and there is a problem.

    Example:

    >>> report_boxes([], "bccd, split train", strict=True)
    """
    if not problems:
        return
    listing = "\n".join(problem_lines(problems))
    text = f"{len(problems)} boxes of {where} cannot be used as they are:\n{listing}\n"
    if strict:
        raise DataError(
            text, "Correct them, or pass strict=False to go on without them.", problems
        )
    warnings.warn(f"{text}Going on without them.", stacklevel=3)
