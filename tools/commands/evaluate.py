"""`tfrecvis evaluate`: scores of a model on labelled data, as JSON and pictures."""

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import check_directory, check_new, write_json
from tfrecvis.tools.loading import load
from tfrecvis.tools.photos import Scale, answers
from tfrecvis.tools.progress import progress
from tfrecvis.tools.runs.recipe import change_recipe

NUM_SAMPLES = 4  # that are drawn, truth beside answer


def add_arguments(parser):
    """Adds the arguments of the sub-command."""
    parser.add_argument(
        "--data", metavar="PATH", help="the data, in place of the recipe's"
    )
    parser.add_argument("--split", help="default: the one that the recipe validates on")
    parser.add_argument(
        "--ignore",
        type=int,
        nargs="*",
        metavar="LABEL",
        help="label values that do not count; default: those of the model's recipe",
    )
    parser.add_argument(
        "--output", default="evaluation", help="directory; default: evaluation"
    )


def run(options):
    """Runs the sub-command."""
    scale = Scale(options.image_size, options.native)
    loaded = load(options.model)
    task = loaded.task
    settings = list(options.settings)
    check_settings(settings)
    if options.ignore is not None:
        settings.append(f"data.ignore={options.ignore}")
    task.recipe = change_recipe(task.recipe, settings)
    directory = check_directory(options.output)
    split = options.split or task.val_split
    batches = task.evaluation(split, options.strict, options.data)
    # Last, so that it hides no other mistake.
    if not options.overwrite:
        check_new([directory / "evaluation.json"])
    total = len_of(batches)
    batches = progress(batches, "evaluating", total)
    wanted = drawn_numbers(total)
    drawn, counted = [], 0

    def pairs():
        nonlocal counted
        found = answers(task, loaded.predictor, batches, scale)
        for number, pair in enumerate(found):
            if number in wanted:
                drawn.append(pair)
            counted += len(next(iter(pair[0].values())))
            yield pair

    result = task.full_score(pairs())
    print(f"{counted} {task.unit} of the split {split}")
    print(task.table(result))
    written = {"model": options.model, "data": options.data, "split": split, **result}
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / "evaluation.json", written)
    data = options.data or task.recipe["data"].get("path") or "data of the recipe"
    heading = f"{options.model} on {data}, split {split}"
    pictures = task.draw_scores(result, heading, directory)
    given = {"model": [given for _, given in drawn]}
    samples = task.compare([b for b, _ in drawn], given, directory / "samples.png")
    if samples is not None:
        pictures = [*pictures, samples]
    names = ", ".join(map(str, [directory / "evaluation.json", *pictures]))
    print(f"Written: {names}")


def check_settings(settings):
    """Refuses settings that a trained model no longer heeds.

    Example:

    >>> check_settings(["data.val_count=50"])
    """
    for setting in settings:
        table = setting.partition(".")[0].strip()
        if table != "data":
            raise UserError(
                f"--set {setting}: the model is trained, and evaluate heeds keys of "
                "[data] only."
            )


def len_of(batches):
    """Returns how many batches there are, or None where that is not known."""
    try:
        return len(batches)
    except TypeError:
        return None


def drawn_numbers(total, count=NUM_SAMPLES):
    """Returns the numbers of the batches that are drawn, evenly spaced.

    Args:
        total: Integer, how many batches there are, or None: the first ones are drawn.
        count: Integer, how many are drawn at most.

    Example:

    >>> drawn_numbers(101), drawn_numbers(2), drawn_numbers(None)
    ([0, 25, 50, 75], [0, 1], [0, 1, 2, 3])
    """
    if total is None:
        return list(range(count))
    count = min(count, total)
    return [number * total // count for number in range(count)]
