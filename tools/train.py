"""`tfrecvis train`: a recipe becomes a model, in a directory that survives kills."""

import inspect
import time
from pathlib import Path

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.recipe import (
    check_arguments,
    differences,
    find_recipe,
    header,
    read_recipe,
    write_recipe,
)


def run(options):
    """Runs the sub-command."""
    path = find_recipe(options.recipe)
    recipe = read_recipe(path, options.settings, options.data)
    score = train(recipe, options.output, header(path), options.strict)
    print_score(score, options.output)


def print_score(score, directory):
    """Prints what a finished run reached."""
    from tfrecvis.tools.callbacks import duration

    print(
        f"val mean IoU {score['mean_iou']:.4f} (epoch {score['best_epoch']} of "
        f"{score['epochs']}), global accuracy {score['global_accuracy']:.4f}, class "
        f"accuracy {score['class_accuracy']:.4f}; {score['parameters']:,} parameters, "
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

    from tfrecvis.tools.datasets import open_readers

    training = recipe["training"]
    keras.utils.set_random_seed(training["seed"])
    readers = open_readers(recipe["data"], strict)
    augmentation = build_augmentation(recipe)
    precision = training["mixed_precision"]
    policy = keras.config.dtype_policy()
    if precision != "none":
        keras.config.set_dtype_policy(f"mixed_{precision}")
    try:
        model = build_model(recipe, readers[0])
        return _fit(recipe, files, comments, readers, augmentation, model)
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


def build_augmentation(recipe):
    """Returns the `Augmentation` of a recipe, or None.

    Raises:
        UserError: a key or a value of [augmentation] is wrong.
    """
    from tfrecvis.data import Augmentation

    table = recipe.get("augmentation")
    if table is None:
        return None
    check_arguments("augmentation", table, inspect.signature(Augmentation).parameters)
    try:
        return Augmentation(**table)
    except (ValueError, TypeError) as error:
        raise UserError(f"[augmentation] is wrong: {error}") from error


def build_model(recipe, reader):
    """Returns the model of a recipe, with a logit for each of the reader's classes.

    Raises:
        UserError: a key or a value of [model] is wrong.
    """
    from tfrecvis.models import ReSeg

    table = recipe["model"]
    known = [k for k in inspect.signature(ReSeg).parameters if k != "num_classes"]
    check_arguments("model", table, known)
    arguments = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
    }
    try:
        return ReSeg(reader.num_classes, **arguments)
    except (ValueError, TypeError, OSError) as error:
        raise UserError(f"[model] is wrong: {error}") from error


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


def _fit(recipe, files, comments, readers, augmentation, model):
    from tfrecvis.data import batches, steps_per_epoch
    from tfrecvis.tools.callbacks import EpochEnd, Progress, StopOnNaN
    from tfrecvis.tools.checkpoint import read_checkpoint
    from tfrecvis.tools.run import write_json

    training = recipe["training"]
    reader, held_out = readers
    if held_out.num_classes != reader.num_classes:
        raise UserError(
            f"The training split has {reader.num_classes} classes, the validation "
            f"split {held_out.num_classes}. Name them in data.class_names."
        )
    batch_size, epochs = training["batch_size"], training["epochs"]
    # Whole batches alone, where there is one: XLA compiles every shape anew.
    drop_remainder = len(reader) >= batch_size
    steps = steps_per_epoch(reader, batch_size, drop_remainder)
    _compile(model, training, reader, steps)

    progress = {"epoch": 0, "best": None, "best_epoch": 0, "seconds": 0, "scores": {}}
    files.directory.mkdir(parents=True, exist_ok=True)
    if files.checkpoint.exists():
        progress = read_checkpoint(files.checkpoint, model)
        print(f"Going on after epoch {progress['epoch']} of {epochs}.")
    files.forget_after(progress["epoch"])
    write_recipe(recipe, files.recipe, comments)
    write_json(files.sidecar, _sidecar(recipe, held_out))

    first = progress["epoch"]
    if first < epochs:
        started = time.monotonic()
        try:
            train_batches = batches(
                reader,
                batch_size,
                augmentation,
                seed=training["seed"],
                first_epoch=first,
                epochs=epochs - first,
                drop_remainder=drop_remainder,
                pad=_must_pad(reader, augmentation),
            )
            validation = batches(
                held_out, batch_size, shuffle=False, pad=_must_pad(held_out, None)
            )
        except ValueError as error:
            raise UserError(f"The data cannot be batched: {error}") from error
        print(
            f"{len(reader)} images to train on, {len(held_out)} to validate on, "
            f"{model.count_params():,} parameters"
        )
        model.fit(
            train_batches,
            initial_epoch=first,
            epochs=epochs,
            steps_per_epoch=steps,
            shuffle=False,  # `batches` did
            verbose=0,
            callbacks=[
                StopOnNaN(steps),
                EpochEnd(files, validation, progress, steps, started),
                Progress(epochs, first, steps),
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


def _must_pad(reader, augmentation):
    """Whether a batch may hold images of different sizes."""
    if augmentation is not None and augmentation.crop_size is not None:
        return False
    sizes = getattr(reader, "sizes", None)
    return sizes is None or len(set(map(tuple, sizes))) > 1


def _compile(model, training, reader, steps):
    from tfrecvis import losses, metrics
    from tfrecvis.data import class_frequencies

    weights = None
    if training["class_weights"] == "median":
        weights = losses.median_frequency_weights(
            *class_frequencies(reader, image_pixels=True),
            power=training["class_weights_power"],
        )
    count = reader.num_classes
    model.compile(
        build_optimizer(training, steps),
        losses.SegmentationCrossEntropy(
            weights, label_smoothing=training["label_smoothing"]
        ),
        metrics=[
            metrics.MeanIoU(count),
            metrics.GlobalAccuracy(count),
            metrics.ClassAccuracy(count),
        ],
        jit_compile=training["jit_compile"],
    )


def _sidecar(recipe, reader):
    sample = next(reader.samples().take(1).as_numpy_iterator())
    return {
        "class_names": list(reader.class_names),
        "colours": [[int(value) for value in colour] for colour in reader.colours],
        "image_size": [int(side) for side in sample["labels"].shape],
        "recipe": recipe,
    }
