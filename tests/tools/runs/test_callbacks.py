"""The line of a training, by a clock of its own."""

import io
import re

import pytest

from tfrecvis.tools.runs import callbacks
from tfrecvis.tools.runs.callbacks import TrainingProgress

STEPS, EPOCHS = 10, 4
COMPILING, STEP, VALIDATION, SAVING = 120.0, 2.0, 3.0, 1.0


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(callbacks, "time", clock)
    return clock


def run_epoch(line, clock, epoch, steps=STEPS, compiles=False):
    """One epoch of a training, as Keras calls the callback."""
    line.on_epoch_begin(epoch)
    for batch in range(steps):
        clock.now += STEP + COMPILING * (compiles and batch == 0)
        line.on_train_batch_end(batch, {"loss": 1.0})
    for batch in range(2):  # of the validation
        line.on_test_batch_begin(batch)
        clock.now += VALIDATION / 2 + COMPILING * (compiles and batch == 0)
        line.on_test_batch_end(batch)
    clock.now += SAVING
    line.on_epoch_end(epoch, {"loss": 1.0, "val_accuracy": 0.5})


def seconds_of(epochs, steps=STEPS):
    return epochs * (steps * STEP + VALIDATION + SAVING)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def make_line(steps=STEPS, first_epoch=0, stream=None):
    return TrainingProgress(
        EPOCHS,
        first_epoch,
        steps,
        {"accuracy": "accuracy"},
        io.StringIO() if stream is None else stream,
    )


def test_time_left_counts_no_compilation(clock):
    line = make_line()
    run_epoch(line, clock, 0, compiles=True)
    # The first batch of the validation is left out with its compilation.
    assert line.seconds_left(STEPS) == pytest.approx(seconds_of(3), abs=3 * VALIDATION)
    run_epoch(line, clock, 1)
    assert line.seconds_left(STEPS) == pytest.approx(seconds_of(2))
    assert "left 48 s" in line.stream.getvalue().splitlines()[1]


def test_time_left_within_the_first_epoch_is_that_of_steps(clock):
    line = make_line()
    line.on_epoch_begin(0)
    clock.now += COMPILING + STEP
    line.on_train_batch_end(0, {"loss": 1.0})
    assert line.seconds_left(1) is None, "nothing but the compilation was seen"
    clock.now += STEP
    line.on_train_batch_end(1, {"loss": 1.0})
    assert line.seconds_left(2) == pytest.approx((EPOCHS * STEPS - 2) * STEP)


def test_time_left_is_known_with_one_step_per_epoch(clock):
    line = make_line(steps=1)
    run_epoch(line, clock, 0, steps=1, compiles=True)
    assert "left: not known yet" in line.stream.getvalue()
    run_epoch(line, clock, 1, steps=1)
    assert line.seconds_left(1) == pytest.approx(seconds_of(2, steps=1))


def test_resumed_run_counts_the_epochs_that_are_left(clock):
    line = make_line(first_epoch=2)
    run_epoch(line, clock, 2, compiles=True)
    run_epoch(line, clock, 3)
    assert line.seconds_left(STEPS) == 0
    assert "epoch 3/4" in line.stream.getvalue()


def test_every_epoch_is_one_line_in_a_file_with_the_scores(clock):
    line = make_line()
    run_epoch(line, clock, 0)
    run_epoch(line, clock, 1)
    first, second = line.stream.getvalue().splitlines()
    assert first.startswith("epoch 1/4 [====================] 10/10  loss 1.000")
    assert "val 0.500" in second
    assert "\r" not in first + second


def written(terminal):
    """What a terminal shows or has shown, without colours and movements."""
    return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", terminal.getvalue())


def test_terminal_shows_a_bar_and_keeps_a_line_per_epoch(clock, terminal):
    with make_line(first_epoch=2, stream=terminal) as line:
        line.on_epoch_begin(2)
        for batch in range(3):
            clock.now += STEP
            line.on_train_batch_end(batch, {"loss": 0.25})
        line.display.refresh()
        bar = written(terminal).splitlines()[-1]
        assert re.match(r"epoch 3/4 \S+ +3/10 loss 0.250 left 34 s", bar)
        run_epoch(line, clock, 3)
    lines = [text for text in written(terminal).splitlines() if "[=" in text]
    assert len(lines) == 1
    assert "epoch 4/4 [====================] 10/10  loss 1.000" in lines[0]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_cursor_comes_back_when_a_training_is_cut_off(clock, terminal, kind):
    with pytest.raises(kind), make_line(stream=terminal) as line:
        line.on_epoch_begin(0)
        line.on_train_batch_end(0, {"loss": 1.0})
        assert terminal.getvalue().rindex("\x1b[?25l") > -1  # hidden
        raise kind
    text = terminal.getvalue()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
