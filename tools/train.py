"""`tfrecvis train`: a recipe becomes a model, in a directory that survives kills."""

import time
from pathlib import Path

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.recipe import (
    differences,
    find_recipe,
    header,
    read_recipe,
    write_recipe,
)
from tfrecvis.tools.tasks import task_class


def run(options):
    """Runs the sub-command."""
    path = find_recipe(options.recipe)
    recipe = read_recipe(path, options.settings, options.data)
    score = train(recipe, options.output, header(path), options.strict)
    print_score(score, task_class(recipe).scores, options.output)


def print_score(score, titles, directory):
    """Prints what a finished run reached."""
    from tfrecvis.tools.callbacks import duration

    first, *others = (f"{title} {score[name]:.4f}" for name, title in titles.items())
    first += f" (epoch {score['best_epoch']} of {score['epochs']})"
    print(
        f"val {', '.join([first, *others])}; {score['parameters']:,} parameters, "
        f"{duration(score['seconds'])}. The best model is "
        f"{Path(directory, 'model.keras')}"
    )


def train(recipe, output, comments=(), strict=False):
    """Trains a model, or goes on with a training that was interrupted.

    Args:
        recipe: Dict, as `read_recipe` returns it.
        output: Path of the run's directory.
        comments: Strings, copied on top of the run's recipe.
        strict: Boolean; unusable files of the data are an error.

    Returns:
        Dict of the best scores, as in `score.json`.

    Raises:
        UserError: the recipe, the data or the directory is wrong, or the training
            left the finite numbers.
    """
    from tfrecvis.tools.run import Run, read_json

    files = Run(output)
    claim_directory(files, recipe)
    if files.score.exists() and files.model.exists():
        print(f"{files.directory} is finished.")
        return read_json(files.score)

    import keras

    training = recipe["training"]
    keras.utils.set_random_seed(training["seed"])
    task = task_class(recipe)(recipe, strict)
    precision = training["mixed_precision"]
    policy = keras.config.dtype_policy()
    if precision != "none":
        keras.config.set_dtype_policy(f"mixed_{precision}")
    try:
        return _fit(recipe, files, comments, task, task.model())
    finally:
        keras.config.set_dtype_policy(policy)


def claim_directory(files, recipe):
    """Refuses a directory that holds something else than a run of this recipe.

    Args:
        files: A `Run`.
        recipe: Dict.

    Raises:
        UserError: the directory is a file, holds other things, or a run of another
            recipe; the keys that differ are named.
    """
    from tfrecvis.tools.run import check_directory

    directory = check_directory(files.directory)
    if files.recipe.is_file():
        found = differences(read_recipe(files.recipe), recipe)
        if found:
            raise UserError(
                f"{directory} holds a run of another recipe; what differs: "
                f"{', '.join(found)}. Go on with the same recipe, or name another "
                "--output."
            )
    elif directory.is_dir() and any(directory.iterdir()):
        raise UserError(
            f"{directory} is not empty and holds no run. Name another --output."
        )


def build_optimizer(training, steps):
    """Returns the optimizer with its schedule.

    Args:
        training: Dict, the [training] table.
        steps: Integer, steps an epoch.
    """
    import keras

    rate = training["learning_rate"]
    warmup = round(training["warmup"] * steps)
    total = training["epochs"] * steps
    constant = training["schedule"] == "constant"
    if warmup or not constant:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            max(1, total - warmup),
            alpha=1.0 if constant else 0.0,  # 1: stays at the target
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    decay = training["weight_decay"] or None  # AdamW without it is Adam
    classes = {
        "adamw": keras.optimizers.AdamW if decay else keras.optimizers.Adam,
        "adam": keras.optimizers.Adam,
        "sgd": keras.optimizers.SGD,
        "adadelta": keras.optimizers.Adadelta,
    }
    momentum = {"momentum": 0.9} if training["optimizer"] == "sgd" else {}
    optimizer = classes[training["optimizer"]](
        rate,
        weight_decay=decay,
        global_clipnorm=training["clipnorm"] or None,
        use_ema=training["ema_momentum"] > 0,
        ema_momentum=training["ema_momentum"] or 0.99,
        **momentum,
    )
    if decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _fit(recipe, files, comments, task, model):
    from tfrecvis.tools.callbacks import EpochEnd, Progress, StopOnNaN
    from tfrecvis.tools.checkpoint import read_checkpoint
    from tfrecvis.tools.run import write_json

    training = recipe["training"]
    epochs, steps = training["epochs"], task.steps
    model.compile(
        build_optimizer(training, steps),
        **task.objective(),
        jit_compile=training["jit_compile"],
    )
    progress = {"epoch": 0, "best": None, "best_epoch": 0, "seconds": 0, "scores": {}}
    files.directory.mkdir(parents=True, exist_ok=True)
    if files.checkpoint.exists():
        progress = read_checkpoint(files.checkpoint, model)
        print(f"Going on after epoch {progress['epoch']} of {epochs}.")
    files.forget_after(progress["epoch"])
    write_recipe(recipe, files.recipe, comments)
    write_json(files.sidecar, {**task.sidecar(), "recipe": recipe})

    first = progress["epoch"]
    if first < epochs:
        started = time.monotonic()
        train_batches = task.batches(first, epochs - first)
        validation = task.validation()
        print(f"{task.description}, {model.count_params():,} parameters")
        model.fit(
            train_batches,
            initial_epoch=first,
            epochs=epochs,
            steps_per_epoch=steps,
            shuffle=False,  # `batches` did
            verbose=0,
            callbacks=[
                StopOnNaN(steps),
                EpochEnd(files, validation, next(iter(task.scores)), progress, started),
                Progress(epochs, first, steps, task.scores),
            ],
        )
    score = {
        **progress["scores"],
        "best_epoch": progress["best_epoch"],
        "epochs": epochs,
        "parameters": model.count_params(),
        "seconds": progress["seconds"],
    }
    write_json(files.score, score)
    return score
