"""`tfrecvis evaluate`: scores of a model on labelled data, as JSON and a picture.

The picture, a confusion matrix, is of segmentation alone; models of the other tasks
are measured as in their training.
"""

from pathlib import Path

import numpy as np

from tfrecvis.data import VOID
from tfrecvis.tools.datasets import open_reader
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.loading import (
    keras_file,
    load_keras_model,
    load_segmenter,
    read_sidecar,
)
from tfrecvis.tools.recipe import SEGMENTATION, set_path
from tfrecvis.tools.run import check_directory, write_json
from tfrecvis.tools.tasks import task_class


def run(options):
    """Runs the sub-command."""
    directory = check_directory(options.output or "evaluation")
    if (directory / "evaluation.json").exists():
        raise UserError(
            f"{directory / 'evaluation.json'} exists. Name another --output."
        )
    path = keras_file(options.model)
    recipe = {} if path is None else read_sidecar(path).get("recipe", {})
    if recipe.get("task", SEGMENTATION) != SEGMENTATION:
        evaluate_task(options, path, recipe, directory)
        return
    segmenter = load_segmenter(options.model)
    reader = open_reader(data_table(options, segmenter), options.split, options.strict)
    if reader.num_classes != segmenter.num_classes:
        raise UserError(
            f"The model tells {segmenter.num_classes} classes apart, the data has "
            f"{reader.num_classes}. Evaluate on the kind of data it was trained on."
        )
    names = reader.class_names
    if segmenter.named and segmenter.class_names != names:
        raise UserError(
            f"The model's classes are {', '.join(segmenter.class_names)}; the data's "
            f"are {', '.join(names)}. Evaluate on the kind of data it was trained on, "
            "or mend classes.txt."
        )
    matrix = confusion(segmenter, reader)
    result = {
        "model": options.model,
        "data": options.data,
        "split": options.split,
        "images": len(reader),
        "left_out": [problem._asdict() for problem in reader.problems],
        **scores(matrix, names),
    }
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "evaluation.json", result)
    from tfrecvis.tools.pictures import write_confusion_matrix

    picture = directory / "confusion_matrix.png"
    write_confusion_matrix(matrix, names, picture)
    print(table(result))
    print(f"Written: {directory / 'evaluation.json'}, {picture}")


def evaluate_task(options, path, recipe, directory):
    """Measures a model of another task, as in its training.

    Args:
        options: The arguments of the command.
        path: Path of the `.keras` file.
        recipe: Dict, its recipe.
        directory: Path for the scores.

    Raises:
        UserError: the data or the split cannot be used.
    """
    if options.data is not None:
        set_path(recipe, options.data)
    if options.ignore is not None:
        raise UserError(f"--ignore is for pixels, not for {recipe['task']}.")
    task = task_class(recipe)(recipe, options.strict)
    batches = task.validation(options.split)
    model = load_keras_model(path)
    model.compile(**task.objective(), jit_compile=recipe["training"]["jit_compile"])
    measured = model.evaluate(batches, verbose=0, return_dict=True)
    result = {
        "model": options.model,
        "data": options.data,
        "split": options.split,
        **measured,
    }
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "evaluation.json", result)
    for name, title in task.scores.items():
        print(f"{title} {measured[name]:.4f}")
    print(f"Written: {directory / 'evaluation.json'}")


def data_table(options, segmenter):
    """Returns the [data] table to evaluate with: the recipe's, on other data if said.

    Raises:
        UserError: neither the options nor the model say where the data is.
    """
    data = dict(segmenter.recipe.get("data", {}))
    if options.data is not None:
        if data.get("reader") != "folder":
            data = {"reader": "folder"}
            if not Path(options.data, "classes.txt").is_file():
                data["class_names"] = segmenter.class_names
        data["path"] = options.data
    if not data:
        raise UserError("Nothing says what to evaluate on: add --data PATH.")
    if options.ignore is not None:
        data["ignore"] = options.ignore
    return data


def confusion(segmenter, reader):
    """Counts pixels by true and predicted class.

    Args:
        segmenter: A `Segmenter`.
        reader: Any reader.

    Returns:
        int64 `(classes, classes)`; a row a true class. Void pixels are not counted.
    """
    count = segmenter.num_classes
    matrix = np.zeros((count, count), "int64")
    for sample in reader.samples().as_numpy_iterator():
        truth = sample["labels"]
        known = truth != VOID
        cells = truth[known] * count + segmenter.labels(sample["image"])[known]
        matrix += np.bincount(cells, minlength=count**2).reshape(count, count)
    return matrix


def scores(matrix, class_names):
    """Returns the scores of a confusion matrix as a dict that JSON can hold.

    Classes that occur neither in the labels nor in the predictions have no IoU and
    are left out of the mean, as in `tfrecvis.metrics.MeanIoU`.

    Example:

    >>> result = scores(np.array([[3, 1], [0, 4]]), ["road", "sky"])
    >>> round(result["mean_iou"], 3), result["iou"]["road"]
    (0.775, 0.75)
    """
    hits = np.diagonal(matrix).astype("float64")
    true, predicted = matrix.sum(axis=1), matrix.sum(axis=0)

    def quotients(total):
        return np.divide(hits, total, out=np.full(len(hits), np.nan), where=total > 0)

    def mean(values):
        values = values[np.isfinite(values)]
        return float(values.mean()) if values.size else None

    iou, recall = quotients(true + predicted - hits), quotients(true)
    pixels = int(matrix.sum())
    return {
        "mean_iou": mean(iou),
        "global_accuracy": float(hits.sum() / pixels) if pixels else None,
        "class_accuracy": mean(recall),
        "pixels": pixels,
        "iou": _named(class_names, iou),
        "accuracy": _named(class_names, recall),
        "pixels_of_class": dict(zip(class_names, true.tolist(), strict=True)),
        "confusion_matrix": matrix.tolist(),
    }


def _named(class_names, values):
    return {
        name: float(value) if np.isfinite(value) else None
        for name, value in zip(class_names, values, strict=True)
    }


def table(result):
    """Returns the scores as text, a line a class.

    Example:

    >>> print(table(scores(np.array([[3, 1], [0, 4]]), ["road", "sky"])))
    class    IoU  accuracy  pixels
    road   0.750     0.750       4
    sky    0.800     1.000       4
    mean   0.775     0.875       8
    global accuracy 0.875
    """

    def number(value):
        return "-" if value is None else f"{value:.3f}"

    width = max(5, *map(len, result["iou"]))
    rows = [f"{'class':<{width}}  {'IoU':>5}  accuracy  pixels"]
    for name, iou in result["iou"].items():
        accuracy, pixels = result["accuracy"][name], result["pixels_of_class"][name]
        rows.append(
            f"{name:<{width}}  {number(iou):>5}  {number(accuracy):>8}  {pixels:>6}"
        )
    rows.append(
        f"{'mean':<{width}}  {number(result['mean_iou']):>5}  "
        f"{number(result['class_accuracy']):>8}  {result['pixels']:>6}"
    )
    rows.append(f"global accuracy {number(result['global_accuracy'])}")
    return "\n".join(rows)
