"""`tfrecvis train`: a recipe becomes a model, in a directory that survives kills."""

from pathlib import Path

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.progress import duration
from tfrecvis.tools.runs.checkpoint import epochs_done
from tfrecvis.tools.runs.recipe import find_recipe, header, read_recipe
from tfrecvis.tools.runs.run_directory import RunDirectory, claim_directory
from tfrecvis.tools.task import task_class


def add_arguments(parser):
    """Adds the arguments of the sub-command."""
    parser.add_argument(
        "recipe", nargs="?", help="a recipe's name (see `tfrecvis list`) or file"
    )
    parser.add_argument("--output", help="the run's directory")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="goes on with this run, whatever stopped it; with --epochs for longer",
    )
    parser.add_argument("--data", metavar="PATH", help="sets data.path of the recipe")
    parser.add_argument("--epochs", type=int, help="sets training.epochs")
    parser.add_argument("--batch-size", type=int, help="sets training.batch_size")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="MODEL",
        help="sets training.from: preset or run whose weights the training begins with",
    )


def run(options):
    """Runs the sub-command."""
    settings = list(options.settings)
    for key, value in (
        ("epochs", options.epochs),
        ("batch_size", options.batch_size),
        ("from", options.source),
    ):
        if value is not None:
            settings.append(f"training.{key}={value}")
    if options.resume is not None:
        if options.recipe or options.output:
            raise UserError(
                "--resume RUN reads the recipe in RUN and goes on there: leave out "
                "RECIPE and --output."
            )
        output = Path(options.resume)
        path = output / "recipe.toml"
        if not path.is_file():
            raise UserError(f"There is no run at {output}: it holds no recipe.toml.")
    else:
        if not options.recipe or not options.output:
            raise UserError(
                "train takes RECIPE and --output RUN, or --resume RUN. `tfrecvis list` "
                "names the recipes."
            )
        output, path = Path(options.output), find_recipe(options.recipe)
    recipe = read_recipe(path, settings, options.data)
    files = RunDirectory(output)
    claim_directory(files, recipe)  # before TensorFlow, which takes seconds
    if options.resume is not None and options.epochs is not None:
        check_longer(files, options.epochs)

    from tfrecvis.tools.runs.training import train

    comments = header(path)
    if options.resume is None:
        where = "What this run reached stands in score.json; of its recipe was said:"
        comments = [where, *comments]
    score = train(recipe, output, comments, options.strict)
    print_score(score, task_class(recipe["task"]).scores, output)


def check_longer(files, epochs):
    """Refuses to go on with a run for no more epochs than were done.

    Raises:
        UserError: see above.
    """
    done = epochs_done(files.checkpoint)
    if epochs <= done:
        raise UserError(
            f"{files.directory} was trained for {done} epochs already, and --epochs "
            f"counts all of them. Received: --epochs {epochs}. Give more than {done}, "
            "or leave it out."
        )


def print_score(score, titles, directory):
    """Prints what a finished run reached."""
    first, *others = (f"{title} {score[name]:.4f}" for name, title in titles.items())
    first += f" (epoch {score['best_epoch']} of {score['epochs']})"
    print(
        f"val {', '.join([first, *others])}; {score['parameters']:,} parameters, "
        f"{duration(score['seconds'])}. The best model is "
        f"{Path(directory, 'model.keras')}"
    )
