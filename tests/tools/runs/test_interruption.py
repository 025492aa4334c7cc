"""Ctrl-C where Python loses it: in a callback of the garbage collector."""

import gc
import signal

import keras
import pytest

from tfrecvis.tools.runs.interruption import StopOnInterrupt


@pytest.fixture
def usual():
    """Python's own answer to Ctrl-C, which a shell turns off in its background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def on_jax(monkeypatch, usual):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")


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


def test_tensorflow_is_interrupted_as_ever(usual):
    with StopOnInterrupt():
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_in_the_background_goes_on(on_jax):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with StopOnInterrupt():
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
