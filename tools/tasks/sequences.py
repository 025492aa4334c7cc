"""Sequences: answers that must be remembered or computed, symbol by symbol.

[model] holds the arguments of `tfrecvis.models.SequenceTagger`. Keys of [data]:

    reader        "memorisation" or "addition"
    train_count   default 10000, sequences per epoch; each epoch draws new ones
    val_count     default 1000

and the arguments of `tfrecvis.data.memorisation` or `addition`. Loss and scores count
only the steps of the answer, those after the whole question was read.
"""

import inspect
from itertools import islice
from pathlib import Path

import numpy as np

from tfrecvis.tools.array_task import (
    ArrayTask,
    check_split,
    checked_count,
    split_seed,
)
from tfrecvis.tools.errors import UserError, nearest
from tfrecvis.tools.files import find_files, first_line, write_text
from tfrecvis.tools.runs.recipe import apply_table, check_arguments

READERS = ("memorisation", "addition")


class Sequences(ArrayTask):
    """See `tfrecvis.tools.task.Task`."""

    scores = {"accuracy": "accuracy", "whole_answers": "whole answers"}
    drawn = READERS
    model_class = "SequenceTagger"
    files = ("_answer.txt",)
    unit = "sequences"

    def prepare(self, data):
        import tfrecvis.data as room

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
            yield {name: array[:left] for name, array in next(batches).items()}

    def _answers(self, batches):
        for inputs, targets in batches:
            yield {"tokens": inputs, "answer": targets[:, -self._answer :]}

    def model(self):
        from tfrecvis.models import SequenceTagger

        return apply_table(self.recipe, "model", SequenceTagger, self.num_tokens)

    def example(self, batch):
        return batch["tokens"], batch["answer"]

    def signatures(self, model):
        from tfrecvis.models import sequences

        return sequences.signatures(model)

    def find_inputs(self, paths):
        return find_files(paths, (".txt",), "no text file")

    def read_input(self, file):
        """The sequences of a text file: a line each, tokens as numbers, of one length.

        For addition, the two numbers may be written as a sum: `123+899`.
        """
        try:
            text = Path(file).read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"cannot be read ({first_line(error)})") from error
        except UnicodeDecodeError:
            raise ValueError("is no text file in UTF-8") from None
        lines = [self._tokens(line) for line in text.splitlines() if line.strip()]
        if len(set(map(len, lines))) != 1:
            raise ValueError(
                "must hold one line or more, all of the same number of tokens"
            )
        return {"tokens": np.array(lines, "int32")}

    def _tokens(self, line):
        first, plus, second = line.replace(" ", "").partition("+")
        if not plus:
            return [self._token(word) for word in line.split()]
        if len(first) != len(second) or not (first + second).isdecimal():
            raise ValueError(
                f"{line!r} is no sum of two numbers of as many digits, such as 123+899"
            )
        digits = [[int(digit) + 1 for digit in number] for number in (first, second)]
        return [0, *digits[0], 0, *digits[1], *[0] * (len(first) + 2)]

    def _token(self, word):
        from tfrecvis.data import ADDITION_TOKENS

        symbols = self.recipe["data"].get("symbols")
        count = ADDITION_TOKENS if symbols is None else symbols + 1
        if not word.isdecimal() or int(word) >= count:
            raise ValueError(
                f"holds {word!r}, which is no token: tokens are numbers from 0 to "
                f"{count - 1}, separated by spaces"
            )
        return int(word)

    def write(self, batch, answer, stem):
        lines = [self._text(tokens) for tokens in answer["labels"].tolist()]
        write_text(f"{stem}{self.files[0]}", "\n".join(lines) + "\n")
        return ", ".join(lines[:3])

    def _text(self, tokens):
        if self.recipe["data"]["reader"] != "addition":
            return " ".join(map(str, tokens))
        # 3 n + 4 tokens; the sum stands in the last n + 2 and ends with a zero.
        answer = tokens[-(len(tokens) - 4) // 3 - 2 :]
        return "".join(str(token - 1) for token in answer if token)

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
