"""Sequences: answers that must be remembered or computed, symbol by symbol.

[model] holds the arguments of `tfrecvis.models.SequenceTagger`. Keys of [data]:

    reader        "memorisation" or "addition"
    train_count   default 10000, sequences an epoch; each epoch draws new ones
    val_count     default 1000

and the arguments of `tfrecvis.data.memorisation` or `addition`. Loss and scores count
the steps of the answer alone, those after the whole question was read.
"""

import inspect
from itertools import islice

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.recipe import apply_table, check_arguments, nearest
from tfrecvis.tools.tasks.arrays import (
    ArrayTask,
    check_split,
    checked_count,
    refuse_augmentation,
    split_seed,
)

READERS = ("memorisation", "addition")


class Sequences(ArrayTask):
    """See `tfrecvis.tools.tasks`."""

    scores = {"accuracy": "accuracy", "whole_answers": "whole answers"}
    samples = "sequences"

    def open(self, data):
        import tfrecvis.data as room

        refuse_augmentation(self.recipe)
        kind = data.pop("reader", None)
        if kind not in READERS:
            raise UserError(
                f"data.reader must be one of {', '.join(READERS)}. Received: {kind!r}. "
                + nearest(str(kind), READERS)
            )
        self.train_count = checked_count(data, "train_count", 10_000)
        self.val_count = checked_count(data, "val_count", 1000)
        self._make = getattr(room, kind)
        known = inspect.signature(self._make).parameters
        known = [name for name in known if name not in ("batch_size", "seed")]
        check_arguments("data", data, [*known, "reader", "train_count", "val_count"])
        self._arguments = data
        try:
            if kind == "memorisation":
                self.num_tokens = data["symbols"] + 1
                self._answer = data["length"] + 1
            else:
                self.num_tokens = room.ADDITION_TOKENS
                self._answer = data["digits"] + 2
            next(self._batches(0))
        except KeyError as error:
            raise UserError(f"[data] needs the key {error} for {kind}.") from error
        except (ValueError, TypeError) as error:
            raise UserError(f"[data] is wrong: {error}") from error

    def _batches(self, seed, batch_size=1):
        return self._make(**self._arguments, batch_size=batch_size, seed=seed)

    def epoch(self, rng):
        batches = self._batches(int(rng.integers(2**32)), self.batch_size)
        yield from islice(self._answers(batches), self.steps)

    def split(self, name):
        check_split(name, ("val", "test"))
        # One batch of all of them would not fit in memory.
        size = min(self.batch_size, self.val_count)
        batches = self._answers(self._batches(split_seed(name), size))
        for start in range(0, self.val_count, size):
            left = self.val_count - start
            yield tuple(array[:left] for array in next(batches))

    def _answers(self, batches):
        for inputs, targets in batches:
            yield inputs, targets[:, -self._answer :]

    def model(self):
        from tfrecvis.models import SequenceTagger

        return apply_table(self.recipe, "model", SequenceTagger, self.num_tokens)

    def objective(self):
        import keras
        from keras import ops

        def logits_of(answer, logits):
            return logits[:, -answer.shape[1] :]

        def loss(answer, logits):
            return keras.losses.sparse_categorical_crossentropy(
                answer, logits_of(answer, logits), from_logits=True
            )

        def right(answer, logits):
            guess = ops.argmax(logits_of(answer, logits), -1)
            return ops.equal(ops.cast(guess, answer.dtype), answer)

        def accuracy(answer, logits):
            return ops.cast(right(answer, logits), "float32")

        def whole_answers(answer, logits):
            return ops.cast(ops.all(right(answer, logits), -1), "float32")

        return {"loss": loss, "metrics": [accuracy, whole_answers]}
