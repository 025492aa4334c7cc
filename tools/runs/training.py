"""A recipe becomes a model, in a directory that survives kills."""

import importlib.util
import time
from pathlib import Path

import keras

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import read_json, write_json
from tfrecvis.tools.loading import from_keras, load_keras_model
from tfrecvis.tools.photos import Scale, answer, answers
from tfrecvis.tools.runs.callbacks import EpochEnd, StopOnNaN, TrainingProgress
from tfrecvis.tools.runs.checkpoint import read_checkpoint
from tfrecvis.tools.runs.first_weights import take_weights
from tfrecvis.tools.runs.interruption import StopOnInterrupt
from tfrecvis.tools.runs.optimizer import build_optimizer
from tfrecvis.tools.runs.recipe import write_recipe
from tfrecvis.tools.runs.run_directory import RunDirectory, claim_directory
from tfrecvis.tools.task import task_class

# Keys of [data] that stand in the card itself.
NAMES = ("class_names", "colours")
NUM_SAMPLES = 4  # of the validation split, drawn when a run is finished


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
    files = RunDirectory(Path(output))
    claim_directory(files, recipe)
    training = recipe["training"]
    if files.score.exists() and files.model.exists():
        score = read_json(files.score)
        if score["epochs"] >= training["epochs"]:
            print(f"{files.directory} is finished.")
            return score
    keras.utils.set_random_seed(training["seed"])
    task = task_class(recipe["task"])(recipe)
    task.open(strict)
    task.card = card_of(task)
    precision = training["mixed_precision"]
    policy = keras.config.dtype_policy()
    if precision != "none":
        keras.config.set_dtype_policy(f"mixed_{precision}")
    try:
        model = task.model()
        if training["from"] and not files.checkpoint.exists():
            print(take_weights(model, training["from"]))
        return _fit(files, comments, task, model)
    finally:
        keras.config.set_dtype_policy(policy)


def card_of(task):
    """Returns the card of the models that a task makes: each fact stands in it once."""
    sidecar = task.sidecar()
    recipe = {
        table: {
            k: v
            for k, v in keys.items()
            if table != "data" or k not in NAMES or k not in sidecar
        }
        if isinstance(keys, dict)
        else keys
        for table, keys in task.recipe.items()
    }
    return {"model": task.model_class, **sidecar, "recipe": recipe}


def _fit(files, comments, task, model):
    training, steps = task.training, task.steps
    trainer = task.trainer(model)
    trainer.compile(
        build_optimizer(training, steps, trainer),
        **task.objective(),
        jit_compile=training["jit_compile"],
    )
    # A step that makes the optimizer's variables itself is traced twice.
    trainer.optimizer.build(trainer.trainable_variables)
    files.directory.mkdir(parents=True, exist_ok=True)
    with files.only_here():
        return _train(files, comments, task, model, trainer)


def _train(files, comments, task, model, trainer):
    training = task.training
    epochs, steps = training["epochs"], task.steps
    progress = {"epoch": 0, "best": None, "best_epoch": 0, "seconds": 0, "scores": {}}
    if files.checkpoint.exists():
        progress = read_checkpoint(files.checkpoint, trainer)
        print(f"Going on after epoch {progress['epoch']} of {epochs}.")
        if progress["epoch"] > epochs:
            raise UserError(
                f"{files.directory} was trained for {progress['epoch']} epochs "
                f"already. Received: {epochs} epochs."
            )
    files.forget_after(progress["epoch"])
    files.score.unlink(missing_ok=True)
    write_recipe(task.recipe, files.recipe, comments)
    write_json(files.card, task.card)

    first = progress["epoch"]
    if first < epochs:
        interruption = StopOnInterrupt()
        started = time.monotonic()
        train_batches = task.batches(first, epochs - first)
        validation = task.validation()
        print(f"{task.description}, {model.count_params():,} parameters", flush=True)
        with TrainingProgress(epochs, first, steps, task.scores) as line, interruption:
            trainer.fit(
                train_batches,
                initial_epoch=first,
                epochs=epochs,
                steps_per_epoch=steps,
                shuffle=False,  # `batches` did
                verbose=0,
                callbacks=[
                    StopOnNaN(steps),
                    interruption,
                    EpochEnd(files, task, model, validation, progress, started, line),
                    *_tensorboard(files.logs),
                    line,
                ],
            )
    scores = {**progress["scores"], **_finished(files, task)}
    score = {
        **scores,
        "best_epoch": progress["best_epoch"],
        "epochs": epochs,
        "parameters": model.count_params(),
        "seconds": progress["seconds"],
    }
    _draw(files, task)
    write_json(files.score, score)
    return score


def _finished(files, task):
    """What follows `fit`, on the best model; returns the scores that changed by it."""
    if task.last_stage is None:
        return {}
    model = load_keras_model(files.model)
    loaded = from_keras(model, task.card)

    def scores():
        batches = task.evaluation(task.val_split)
        result = task.score(answers(loaded.task, loaded.predictor, batches, Scale()))
        return {name: result[name] for name in task.scores}

    task.last_stage(model, scores)
    files.write_model(model)
    return scores()


def _tensorboard(logs):
    if importlib.util.find_spec("tensorboard") is None:
        return []
    return [keras.callbacks.TensorBoard(logs, write_graph=False)]


def _draw(files, task):
    """Curves of the training, and what the best model says to a few samples."""
    try:
        from tfrecvis.tools.pictures.curves import write_curves

        write_curves(files.curves_so_far(), task.scores, files.curves)
        batches = task.samples(NUM_SAMPLES)
        loaded = from_keras(load_keras_model(files.model), task.card)
        given = [
            answer(loaded.task, loaded.predictor, batch, Scale()) for batch in batches
        ]
        task.compare(batches, {"model": given}, files.samples)
    except ImportError as error:  # a run is whole without its pictures
        print(f"No pictures were drawn: {error}")
