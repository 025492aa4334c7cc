"""What happens between the batches and epochs of a training."""

import contextlib
import functools
import math
import sys
import time

import keras
from keras import ops

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.photos import Scale, answers
from tfrecvis.tools.progress import duration
from tfrecvis.tools.runs.checkpoint import write_checkpoint

BAR = 20  # characters of the bar of an epoch


def learning_rate(optimizer):
    """Returns the learning rate of the next step as a float."""
    return float(ops.convert_to_numpy(optimizer.learning_rate))


@contextlib.contextmanager
def averaged_weights(model):
    """Puts the moving averages in place of the weights for as long as it is open.

    Does nothing when the optimizer keeps none. `keras.callbacks.SwapEMAWeights` would
    leave them in place while the checkpoint is written, which then would hold them as
    the weights to go on from.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not optimizer.use_ema or int(optimizer.iterations) == 0:
        yield
        return
    weights = list(model.trainable_variables)
    kept = [ops.convert_to_numpy(weight) for weight in weights]
    averages = optimizer._model_variables_moving_average
    for weight, average in zip(weights, averages, strict=True):
        weight.assign(average)
    try:
        yield
    finally:
        for weight, value in zip(weights, kept, strict=True):
            weight.assign(value)


class StopOnNaN(keras.callbacks.Callback):
    """Ends the training with an error at the first loss that is not finite.

    `keras.callbacks.TerminateOnNaN` ends it as if all had gone well, and says neither
    the learning rate nor what to change.

    Args:
        steps: Integer, steps per epoch.
    """

    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        self.epoch = 0
        self.rate = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.rate = learning_rate(self.model.optimizer)

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            step = self.epoch * self.steps + batch + 1
            raise diverged(f"the loss is {loss}", self.epoch, step, self.rate)


def diverged(what, epoch, step, rate):
    """Returns the error of a training that left the finite numbers."""
    return UserError(
        f"Training stopped: {what} at step {step} (epoch {epoch + 1}), with the "
        f"learning rate {rate:.3g}. What earlier epochs left is kept. Start anew in "
        "another --output with a lower training.learning_rate, a longer "
        "training.warmup or training.clipnorm.",
        exit_code=1,
    )


class EpochEnd(keras.callbacks.Callback):
    """Scores an epoch, keeps the best model, logs, and writes the checkpoint.

    In this order, so that whatever a kill leaves half done is done again: the
    checkpoint is what counts.

    Args:
        files: The `RunDirectory` whose files are written.
        task: A `Task` whose card is set; the first of its scores, the higher the
            better, picks the best model.
        model: The Keras model that is kept; `fit` may train another one, which shares
            its weights.
        validation: `tf.data.Dataset` of batches.
        progress: Dict: "epoch" (epochs done), "best", "best_epoch", "seconds",
            "scores"; of a resumed run those of its checkpoint.
        started: Float, `time.monotonic()` when this part of the training began.
        line: The `TrainingProgress`, which is told of the batches of the validation.
    """

    def __init__(self, files, task, model, validation, progress, started, line):
        super().__init__()
        self.files = files
        self.task = task
        # It shares the layers and has no optimizer: the file stays small.
        self.bare = keras.Model(model.input, model.output, name=model.name)
        self.validation = validation
        self.score = next(iter(task.scores))
        self.progress = progress
        self.start = started - progress["seconds"]
        self.line = line

    def on_epoch_end(self, epoch, logs=None):
        rate = learning_rate(self.model.optimizer)
        with averaged_weights(self.model):
            scores = self.model.evaluate(
                self.validation, verbose=0, return_dict=True, callbacks=[self.line]
            )
            if not math.isfinite(scores["loss"]):
                step = (epoch + 1) * self.params["steps"]
                what = f"the validation loss is {scores['loss']}"
                raise diverged(what, epoch, step, rate)
            if self.task.scores_answers:
                scores.update(self._scores_of_answers())
            best = self.progress["best"]
            if best is None or scores[self.score] > best:
                self.progress.update(
                    best=scores[self.score], best_epoch=epoch + 1, scores=scores
                )
                self.files.write_model(self.bare)
        logs.update({f"val_{name}": value for name, value in scores.items()})
        logs["learning_rate"] = rate
        self.progress["epoch"] = epoch + 1
        self.progress["seconds"] = time.monotonic() - self.start
        self.files.log(epoch + 1, {**logs, "seconds": self.progress["seconds"]})
        write_checkpoint(self.files.checkpoint, self.model, self.progress)

    @functools.cached_property
    def _loaded(self):
        """The kept model as `evaluate` would load it; it sees the weights change."""
        from tfrecvis.tools.loading import from_keras

        return from_keras(self.bare, self.task.card)

    def _scores_of_answers(self):
        loaded = self._loaded
        batches = self.task.evaluation(self.task.val_split)
        pairs = answers(loaded.task, loaded.predictor, batches, Scale())
        result = self.task.score(pairs)
        return {name: result[name] for name in self.task.scores}


class TrainingProgress(keras.callbacks.Callback):
    """One line per epoch, with the time left for all of them.

    The first step of each kind compiles, which happens once: its time is not that of
    the steps to come. On a terminal a bar below these lines fills while an epoch runs;
    it is there from the first epoch to the end of the `with` block, which gives the
    cursor back however the training ends.

    Args:
        epochs: Integer, of the whole run.
        first_epoch: Integer, the epochs that were done before.
        steps: Integer, steps per epoch.
        titles: Dict of metrics' names and titles; the first one is shown.
        stream: Text file; default: the standard output.
    """

    def __init__(self, epochs, first_epoch, steps, titles, stream=None):
        super().__init__()
        self.epochs = epochs
        self.first_epoch = first_epoch
        self.steps = steps
        name, title = next(iter(titles.items()))
        self.shown = {"loss": "loss", name: title, f"val_{name}": "val"}
        self.stream = stream or sys.stdout
        self.epoch = first_epoch
        self.display = None  # the bar of rich, once there is one
        self.step_seconds = None  # of one step, once one was done that was compiled
        self.end_seconds = 0.0  # of what follows the last step of an epoch
        self.compiled = False  # whether a whole epoch was done
        self.compiling = 0.0  # seconds of the first batch of the validation

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.display is not None:
            self.display.stop()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.stream.isatty():
            self._draw(0, {})
        # The first step of all begins to count when it is done.
        self.counted = (time.monotonic(), 0) if self.compiled else None

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        self.last_done = now
        if self.counted is None:
            self.counted = now, batch + 1
        elif batch + 1 > self.counted[1]:
            since, first = self.counted
            self.step_seconds = (now - since) / (batch + 1 - first)
        if self.stream.isatty():
            self._draw(batch + 1, logs)

    def on_test_batch_begin(self, batch, logs=None):
        self.test_began = time.monotonic()

    def on_test_batch_end(self, batch, logs=None):
        if not self.compiled and batch == 0:
            self.compiling = time.monotonic() - self.test_began

    def on_epoch_end(self, epoch, logs=None):
        self.end_seconds = time.monotonic() - self.last_done - self.compiling
        self.compiled, self.compiling = True, 0.0
        line = self._line(self.steps, logs)
        if self.display is None:
            self.stream.write(f"{line}\n")
            self.stream.flush()
        else:  # above the bar
            self.display.console.print(
                line, markup=False, highlight=False, soft_wrap=True
            )

    def seconds_left(self, step):
        """The seconds that are left after a step of the epoch, or None at first."""
        if self.step_seconds is None:
            return None
        epochs = self.epochs - self.epoch - 1
        steps = self.steps - step + epochs * self.steps
        ends = epochs + (step < self.steps)
        return steps * self.step_seconds + ends * self.end_seconds

    def _draw(self, step, logs):
        """Draws the bar on the terminal, for the first time or anew."""
        title, scores, left = self._words(step, logs)
        if self.display is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress

            self.display = Progress(
                "{task.description}",
                BarColumn(BAR),
                MofNCompleteColumn(),
                "{task.fields[scores]}",
                "{task.fields[left]}",
                console=Console(file=self.stream),
                transient=True,
            )
            self.bar = self.display.add_task(title, scores=scores, left=left)
            self.display.start()
        self.display.update(
            self.bar,
            description=title,
            completed=step,
            total=self.steps,
            scores=scores,
            left=left,
        )

    def _line(self, step, logs):
        title, scores, left = self._words(step, logs)
        filled = BAR * step // self.steps
        bar = "=" * filled + "." * (BAR - filled)
        return f"{title} [{bar}] {step}/{self.steps}  {scores}  {left}"

    def _words(self, step, logs):
        """What stands around the bar: the epoch, the scores and the time left."""
        title = f"epoch {self.epoch + 1:>{len(str(self.epochs))}}/{self.epochs}"
        scores = "  ".join(
            f"{word} {float(logs[name]):.3f}"
            for name, word in self.shown.items()
            if name in logs
        )
        left = self.seconds_left(step)
        left = "left: not known yet" if left is None else f"left {duration(left)}"
        return title, scores, left
