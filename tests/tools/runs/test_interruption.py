"""Ctrl-C where Python loses it: in a callback of the garbage collector."""

import gc
import signal

import keras
import pytest

from tfrecvis.tools.runs.interruption import StopOnInterrupt


@pytest.fixture
def on_jax(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def interrupted_collection():
    """A function that collects garbage, during which Ctrl-C comes."""

    def interrupt(phase, info):
        gc.callbacks.remove(interrupt)
        signal.raise_signal(signal.SIGINT)

    def collect():
        gc.callbacks.append(interrupt)
        gc.collect()

    return collect


def test_interrupt_that_python_loses_ends_the_step(on_jax, interrupted_collection):
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt() as interruption:
        interruption.on_train_batch_end(0)
        interrupted_collection()
        interruption.on_train_batch_end(1)
        pytest.fail("the training went on")


def test_interrupt_after_the_last_step_is_told_in_the_end(
    on_jax, interrupted_collection
):
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt():
        interrupted_collection()


def test_second_interrupt_stops_at_once(on_jax):
    with pytest.raises(KeyboardInterrupt), StopOnInterrupt():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second interrupt was lost")


def test_tensorflow_is_interrupted_as_ever():
    before = signal.getsignal(signal.SIGINT)
    with StopOnInterrupt():
        assert signal.getsignal(signal.SIGINT) is before
