"""Runs artefacts where neither tfrecvis nor Keras can be imported.

Runs in a child process (see `run_jobs`) and imports nothing of tfrecvis: the file that
predicts is loaded by its path.
"""

import importlib.util
import statistics
import time
from pathlib import Path

import numpy as np

REPEATS = 5  # timed calls, after one that warms up


def measure(artefact, examples, answers, batch_size):
    """Predicts with one artefact, stores what comes out, and times it.

    Args:
        artefact: Path of a SavedModel folder, a `.tflite` or an `.onnx` file.
        examples: Dict of a signature's name to the `.npz` file of its inputs.
        answers: Dict of a signature's name to the `.npz` file to write.
        batch_size: Integer, entries in one call; the last call may hold fewer.

    Returns:
        Dict of a signature's name to a dict: "milliseconds", the median time of one
        entry in a batch of one; "spread", the distance from the fastest to the slowest
        of these calls.
    """
    file = Path(__file__).parents[1] / "predictor.py"
    spec = importlib.util.spec_from_file_location("predictor", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    predictor = module.load_artefact(artefact)
    times = {}
    for signature, inputs_file in examples.items():
        # Strings are Python objects; the file is this program's own.
        with np.load(inputs_file, allow_pickle=True) as arrays:
            inputs = dict(arrays)
        count = len(next(iter(inputs.values())))

        def predict(start, stop, inputs=inputs, signature=signature):
            batch = {name: value[start:stop] for name, value in inputs.items()}
            return predictor.predict(batch, signature)

        batches = [
            predict(start, start + batch_size) for start in range(0, count, batch_size)
        ]
        np.savez(
            answers[signature],
            **{
                name: np.concatenate([batch[name] for batch in batches])
                for name in batches[0]
            },
        )
        times[signature] = clock(lambda predict=predict: predict(0, 1))
    return times


def clock(call):
    """Returns the median milliseconds of `call()`, and their spread."""
    call()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return {
        "milliseconds": round(statistics.median(times), 3),
        "spread": round(max(times) - min(times), 3),
    }
