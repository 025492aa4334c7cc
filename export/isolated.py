"""Runs artefacts where neither tfrecvis nor Keras can be imported.

Runs in a child process (see `processes.py`) and imports nothing of tfrecvis: a sibling
file is loaded by its path.
"""

import importlib.util
import statistics
import time
from pathlib import Path

import numpy as np

REPEATS = 5  # timed calls, after one that warms up


def measure(artefact, images_file, predictions_file, batch_size):
    """Predicts with one artefact, stores what comes out, and times it.

    Args:
        artefact: Path of a SavedModel folder, a `.tflite` or an `.onnx` file.
        images_file: `.npy` file of the uint8 images.
        predictions_file: `.npz` file to write, with "labels" and "probabilities".
        batch_size: Integer, images in one call; the last call may hold fewer.

    Returns:
        Dict: "milliseconds", the median time of one image in a batch of one;
        "spread", the distance from the fastest to the slowest of these calls.
    """
    file = Path(__file__).with_name("artefacts.py")
    spec = importlib.util.spec_from_file_location("artefacts", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    images = np.load(images_file)
    loaded = module.load_artefact(artefact)
    batches = [
        loaded.predict(images[start : start + batch_size])
        for start in range(0, len(images), batch_size)
    ]
    np.savez(
        predictions_file,
        **{
            key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]
        },
    )
    return clock(lambda: loaded.predict(images[:1]))


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
