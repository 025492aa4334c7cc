"""`tfrecvis demo`: what recurrence is for, from training to the phone, in minutes.

A recipe takes part with a table [demo]:

    names   what the model and its twin are called: ["recurrent", "convolutional"], or
            the model's name only where there is no twin
    twin    list of `table.key=value`: what makes the twin without recurrence of it
    lead    by how much the model must be ahead of its twin
    score   the score that counts; default: the task's first one
    least   the least score of the model; default: any
"""

from pathlib import Path

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import write_json
from tfrecvis.tools.progress import duration
from tfrecvis.tools.runs.recipe import (
    change_recipe,
    check_arguments,
    find_recipe,
    header,
    read_recipe,
    recipe_names,
)
from tfrecvis.tools.tables import text_table
from tfrecvis.tools.task import task_class

KEYS = ("names", "twin", "lead", "score", "least")
NUM_PICTURES = 5


def add_arguments(parser):
    """Adds the arguments of the sub-command."""
    parser.add_argument(
        "recipes",
        nargs="*",
        metavar="RECIPE",
        help="names or files of recipes with a [demo]; default: all of the package's",
    )
    parser.add_argument("--output", default="demo", help="directory; default: demo")


def run(options):
    """Runs the sub-command; fails where a model is worse than its recipe expects."""
    paths = [find_recipe(name) for name in options.recipes or demo_names()]
    recipes = {path.stem: (read_recipe(path), header(path)) for path in paths}
    for name, (recipe, _) in recipes.items():
        check_demo(name, recipe)
    behind = []
    for name, (recipe, comments) in recipes.items():
        output = Path(options.output)
        result = demo(recipe, output if len(recipes) == 1 else output / name, comments)
        print(f"\n{summary(result)}")
        behind += [f"{name}: {reason}" for reason in shortcomings(recipe, result)]
    if behind:
        raise UserError(f"{'; '.join(behind)}.", exit_code=1)


def shortcomings(recipe, result):
    """Returns what is worse than [demo] expects, a string each."""
    found, table = [], recipe["demo"]
    if "lead" in table and result["lead"] < table["lead"]:
        found.append(
            f"the model is {100 * result['lead']:.1f} points ahead of its twin, where "
            f"at least {100 * table['lead']:.0f} were expected"
        )
    name, title = result["score"]
    score = result["models"][table["names"][0]][name] if "least" in table else None
    if score is not None and score < table["least"]:
        found.append(
            f"the model reaches {title} {score:.3f}, where at least "
            f"{table['least']:.3f} were expected"
        )
    return found


def demo_names():
    """Returns the names of the package's recipes that take part.

    Example:

    >>> "synthetic_reseg" in demo_names()
    True
    """
    return [name for name in recipe_names() if "demo" in read_recipe(find_recipe(name))]


def check_demo(name, recipe):
    """Refuses a recipe without a whole table [demo]."""
    table = recipe.get("demo")
    if table is None:
        raise UserError(
            f"The recipe {name} takes no part in the demo: it has no table [demo]. "
            f"Recipes that do: {', '.join(demo_names())}."
        )
    check_arguments("demo", table, KEYS)
    needed = ("names", "twin", "lead") if "twin" in table else ("names",)
    missing = [key for key in needed if key not in table]
    if missing:
        raise UserError(f"[demo] of the recipe {name} lacks the key {missing[0]}.")
    if len(table["names"]) != 1 + ("twin" in table):
        raise UserError(
            "demo.names must be two names, of the model and its twin, or one where "
            f"there is no twin. Received: {table['names']!r}."
        )
    if "lead" in table and "twin" not in table:
        raise UserError(f"[demo] of the recipe {name} has a lead, but no twin.")
    scores = task_class(recipe["task"]).scores
    if table.get("score", next(iter(scores))) not in scores:
        raise UserError(
            f"demo.score must be one of {', '.join(scores)}. Received: "
            f"{table['score']!r}."
        )


def demo(recipe, output, comments=()):
    """Trains a model and its twin, exports, compares and draws.

    Args:
        recipe: Dict with a table "demo".
        output: Path of a directory. What an earlier, interrupted demo finished in it
            is not done again.
        comments: Strings, on top of the copies of the recipe.

    Returns:
        Dict: "models" (scores per model), "score" (name and title of the one that
        counts), "lead" (its difference; None without a twin), "report" (of the
        export), "export" (its path), "pictures" (paths), "predictions" (the folder
        of what `predict` writes, of some inputs), "said" (what it says of each).
    """
    from tfrecvis.tools.commands.export import export, next_version
    from tfrecvis.tools.loading import load
    from tfrecvis.tools.photos import Scale, answer, answers
    from tfrecvis.tools.runs.training import train

    recipe = {**recipe}
    table = recipe.pop("demo")
    first = table["names"][0]
    recipes = {first: recipe}
    if "twin" in table:
        recipes[table["names"][1]] = change_recipe(recipe, table["twin"])
    steps = len(recipes) + 2
    loaded, models, pictures = {}, {}, []
    for number, (name, its_recipe) in enumerate(recipes.items()):
        print(f"\n{number + 1}/{steps}  Training the {name} model", flush=True)
        score = train(its_recipe, output / name, comments)
        loaded[name] = load(str(output / name))
        task, predictor = loaded[name].task, loaded[name].predictor
        batches = task.evaluation(task.val_split)
        result = task.score(answers(task, predictor, batches, Scale()))
        models[name] = {**score, **result}
        heading = f"the {name} model, split {task.val_split}"
        pictures += task.draw_scores(result, heading, output / name)

    print(
        f"\n{steps - 1}/{steps}  Exporting the {first} model and comparing what was "
        "exported"
    )
    task = loaded[first].task
    version = next_version(output / "export")
    examples = task.examples(None, task.card.get("image_size") or (96, 96))
    report = export(loaded[first], output / "export", examples, version)

    print(f"\n{steps}/{steps}  Drawing")
    batches = task.samples(NUM_PICTURES)
    given = {
        name: [answer(its.task, its.predictor, batch, Scale()) for batch in batches]
        for name, its in loaded.items()
    }
    said, folder = [], output / "predictions"
    folder.mkdir(parents=True, exist_ok=True)
    for number, batch in enumerate(batches):
        text = task.write(batch, given[first][number], folder / str(number))
        if text is not None:
            said.append(f"{number}: {text}")
    comparison = task.compare(batches, given, output / "comparison.png")
    if comparison is not None:
        pictures.insert(0, comparison)
    name = table.get("score", next(iter(task.scores)))
    scores = [score[name] for score in models.values()]
    result = {
        "score": [name, task.scores[name]],
        "models": models,
        "lead": scores[0] - scores[1] if len(scores) == 2 else None,
        "report": report,
        "export": str(output / "export" / str(version)),
        "pictures": [str(path) for path in pictures],
        "predictions": str(folder),
        "said": said,
    }
    write_json(output / "demo.json", result)
    return result


def summary(result):
    """Returns the demo's table, its report and the paths as text."""
    from tfrecvis.tools.commands.export import parity_table

    name, title = result["score"]
    rows = [
        [
            model,
            f"{score[name]:.3f}",
            f"{score['parameters']:,}",
            duration(score["seconds"]),
        ]
        for model, score in result["models"].items()
    ]
    lines = [text_table(["model", title, "parameters", "training"], rows)]
    if result["lead"] is not None:
        lines.append(f"recurrence is {100 * result['lead']:+.1f} points of {title}")
    lines += [
        *result["said"],
        "",
        parity_table(result["report"]),
        "",
        f"exported:  {result['export']}",
        *(f"written:   {path}" for path in result["pictures"]),
        f"answers:   {result['predictions']}",
    ]
    return "\n".join(lines)
