"""Ctrl-C ends a training on JAX, too."""

import signal
import threading

import keras


class StopOnInterrupt(keras.callbacks.Callback):
    """Ends the training, as Ctrl-C does, after the step in which Ctrl-C came.

    Python raises `KeyboardInterrupt` in whatever runs. Where that is a callback of the
    garbage collector, as JAX has one, it is printed ("Exception ignored in") and lost.
    While this is open, the first Ctrl-C is only remembered; a second one stops at once.
    Under TensorFlow, which has no such callback, it changes nothing.

    Example:

    >>> with StopOnInterrupt() as interruption:
    ...     interruption.on_train_batch_end(0)
    """

    def __init__(self):
        super().__init__()
        self.came = False
        self.before = None

    def __enter__(self):
        in_main = threading.current_thread() is threading.main_thread()
        # A shell lets the programs in its background ignore Ctrl-C.
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if keras.backend.backend() == "jax" and in_main and usual:
            self.before = signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(self, kind, error, traceback):
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
        if kind is None:
            self._stop()

    def _remember(self, number, frame):
        self.came = True
        signal.signal(signal.SIGINT, self.before)

    def _stop(self):
        if self.came:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch, logs=None):
        self._stop()
