"""`tfrecvis demo`: what recurrence is for, from training to the phone, in minutes."""

import copy
from pathlib import Path

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.recipe import find_recipe, header, read_recipe

RECIPE = "synthetic_reseg"
LEAD = 0.15  # of mean IoU, by which the recurrent model must be ahead
NUM_PICTURES = 4


def run(options):
    """Runs the sub-command; returns 1 where recurrence did not pay."""
    path = find_recipe(RECIPE)
    result = demo(read_recipe(path), Path(options.output), header(path))
    print(f"\n{summary(result)}")
    if result["lead"] < LEAD:
        raise UserError(
            f"The recurrent model is {100 * result['lead']:.1f} points ahead of its "
            f"twin, where at least {100 * LEAD:.0f} were expected.",
            exit_code=1,
        )


def demo(recipe, output, comments=()):
    """Trains the recurrent model and its twin, exports, compares and draws.

    Args:
        recipe: Dict, of the recurrent model on synthetic scenes.
        output: Path of a directory. What an earlier, interrupted demo finished in it
            is not done again.
        comments: Strings, on top of the copies of the recipe.

    Returns:
        Dict: "models" (scores a model), "lead" (difference of mean IoU), "report"
        (of the export), "export" (its path), "pictures" (paths).
    """
    from tfrecvis.tools.datasets import open_reader
    from tfrecvis.tools.evaluate import confusion, scores
    from tfrecvis.tools.export import NUM_IMAGES, export
    from tfrecvis.tools.loading import load_segmenter
    from tfrecvis.tools.pictures import write_confusion_matrix
    from tfrecvis.tools.run import write_json
    from tfrecvis.tools.train import train

    twin = copy.deepcopy(recipe)
    twin["model"]["context"] = "conv"
    reader = open_reader(recipe["data"], recipe["data"].get("val_split", "val"))
    segmenters, models, pictures = {}, {}, []
    for number, (name, its_recipe) in enumerate(
        {"recurrent": recipe, "convolutional": twin}.items(), 1
    ):
        print(f"\n{number}/4  Training the {name} model", flush=True)
        score = train(its_recipe, output / name, comments)
        segmenters[name] = load_segmenter(str(output / name))
        matrix = confusion(segmenters[name], reader)
        models[name] = {**score, **scores(matrix, reader.class_names)}
        pictures.append(output / f"confusion_{name}.png")
        write_confusion_matrix(matrix, reader.class_names, pictures[-1])

    print("\n3/4  Exporting the recurrent model and comparing what was exported")
    samples = list(reader.samples().take(NUM_IMAGES).as_numpy_iterator())
    version = next_version(output / "export")
    report = export(
        segmenters["recurrent"],
        output / "export",
        [sample["image"] for sample in samples],
        version,
        ("saved_model", "litert", "onnx"),
        samples[0]["labels"].shape,
    )

    print("\n4/4  Drawing")
    pictures.insert(0, output / "comparison.png")
    draw(samples[:NUM_PICTURES], segmenters, pictures[0])
    result = {
        "models": models,
        "lead": models["recurrent"]["mean_iou"] - models["convolutional"]["mean_iou"],
        "report": report,
        "export": str(output / "export" / str(version)),
        "pictures": [str(path) for path in pictures],
    }
    write_json(output / "demo.json", result)
    return result


def next_version(directory):
    """Returns the number after the highest version in a directory of exports.

    Example:

    >>> next_version(Path("there/is/no/such/directory"))
    1
    """
    if not directory.is_dir():
        return 1
    taken = [int(path.name) for path in directory.iterdir() if path.name.isdigit()]
    return max(taken, default=0) + 1


def draw(samples, segmenters, path):
    """Draws images, truth and what each model says, side by side.

    Args:
        samples: List of sample dicts (NumPy).
        segmenters: Dict of a name to a `Segmenter`.
        path: The PNG to write.
    """
    from tfrecvis.tools.pictures import write_comparison

    first = next(iter(segmenters.values()))
    rows = [
        [
            sample["image"],
            sample["labels"],
            *(segmenter.labels(sample["image"]) for segmenter in segmenters.values()),
        ]
        for sample in samples
    ]
    columns = ["image", "truth", *segmenters]
    write_comparison(rows, columns, first.class_names, first.colours, path)


def summary(result):
    """Returns the demo's table, its report and the paths as text."""
    from tfrecvis.tools.callbacks import duration
    from tfrecvis.tools.export import parity_table

    lines = ["model          mean IoU  global accuracy  parameters  training"]
    for name, score in result["models"].items():
        lines.append(
            f"{name:<13}  {score['mean_iou']:>8.3f}  {score['global_accuracy']:>15.3f}"
            f"  {score['parameters']:>10,}  {duration(score['seconds'])}"
        )
    lines += [
        f"recurrence is {100 * result['lead']:+.1f} points of mean IoU",
        "",
        parity_table(result["report"]),
        "",
        f"exported:  {result['export']}",
        *(f"picture:   {path}" for path in result["pictures"]),
    ]
    return "\n".join(lines)
