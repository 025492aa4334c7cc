"""`tfrecvis demo`: what recurrence is for, from training to the phone, in minutes.

A recipe takes part with a table [demo]:

    twin    list of `table.key=value`: what makes the twin without recurrence of it
    names   what both are called, such as ["recurrent", "convolutional"]
    lead    by how much the recurrent model must be ahead in the first score
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

KEYS = ("twin", "names", "lead")
NUM_PICTURES = 4


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
    """Runs the sub-command; fails where recurrence did not pay."""
    paths = [find_recipe(name) for name in options.recipes or demo_names()]
    recipes = {path.stem: (read_recipe(path), header(path)) for path in paths}
    for name, (recipe, _) in recipes.items():
        check_demo(name, recipe)
    behind = []
    for name, (recipe, comments) in recipes.items():
        output = Path(options.output)
        result = demo(recipe, output if len(recipes) == 1 else output / name, comments)
        print(f"\n{summary(result)}")
        wanted = recipe["demo"]["lead"]
        if result["lead"] < wanted:
            behind.append(
                f"{name}: the model is {100 * result['lead']:.1f} points ahead of its "
                f"twin, where at least {100 * wanted:.0f} were expected"
            )
    if behind:
        raise UserError(f"{'; '.join(behind)}.", exit_code=1)


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
    missing = [key for key in KEYS if key not in table]
    if missing:
        raise UserError(f"[demo] of the recipe {name} lacks the key {missing[0]}.")
    if len(table["names"]) != 2:
        raise UserError(f"demo.names must be two names. Received: {table['names']!r}.")


def demo(recipe, output, comments=()):
    """Trains a model and its twin, exports, compares and draws.

    Args:
        recipe: Dict with a table "demo".
        output: Path of a directory. What an earlier, interrupted demo finished in it
            is not done again.
        comments: Strings, on top of the copies of the recipe.

    Returns:
        Dict: "models" (scores per model), "score" (name and title of the first one),
        "lead" (its difference), "report" (of the export), "export" (its path),
        "pictures" (paths).
    """
    from tfrecvis.tools.commands.export import export, next_version
    from tfrecvis.tools.loading import load
    from tfrecvis.tools.photos import Scale, answer, answers
    from tfrecvis.tools.runs.training import train

    recipe = {**recipe}
    table = recipe.pop("demo")
    twin = change_recipe(recipe, table["twin"])
    first, second = table["names"]
    loaded, models, pictures = {}, {}, []
    for number, (name, its_recipe) in enumerate({first: recipe, second: twin}.items()):
        print(f"\n{number + 1}/4  Training the {name} model", flush=True)
        score = train(its_recipe, output / name, comments)
        loaded[name] = load(str(output / name))
        task, predictor = loaded[name].task, loaded[name].predictor
        batches = task.evaluation(task.val_split)
        result = task.score(answers(task, predictor, batches, Scale()))
        models[name] = {**score, **result}
        heading = f"the {name} model, split {task.val_split}"
        pictures += task.draw_scores(result, heading, output / name)

    print(f"\n3/4  Exporting the {first} model and comparing what was exported")
    task = loaded[first].task
    version = next_version(output / "export")
    examples = task.examples(None, task.card.get("image_size") or (96, 96))
    report = export(loaded[first], output / "export", examples, version)

    print("\n4/4  Drawing")
    batches = task.samples(NUM_PICTURES)
    given = {
        name: [answer(its.task, its.predictor, batch, Scale()) for batch in batches]
        for name, its in loaded.items()
    }
    comparison = task.compare(batches, given, output / "comparison.png")
    if comparison is not None:
        pictures.insert(0, comparison)
    name, title = next(iter(task.scores.items()))
    result = {
        "score": [name, title],
        "models": models,
        "lead": models[first][name] - models[second][name],
        "report": report,
        "export": str(output / "export" / str(version)),
        "pictures": [str(path) for path in pictures],
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
    lines = [
        text_table(["model", title, "parameters", "training"], rows),
        f"recurrence is {100 * result['lead']:+.1f} points of {title}",
        "",
        parity_table(result["report"]),
        "",
        f"exported:  {result['export']}",
        *(f"picture:   {path}" for path in result["pictures"]),
    ]
    return "\n".join(lines)
