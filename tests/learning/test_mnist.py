"""ReNet reads digits that it has not seen, after a minute of training.

Needs `mnist/mnist.npz`, as `keras.datasets.mnist` downloads it, in the folder that the
environment variable TFRECVIS_DATA names.
"""

import os
from pathlib import Path

import keras
import pytest

from tfrecvis.data import read_array_file
from tfrecvis.models import ImageClassifier

FOLDER = os.environ.get("TFRECVIS_DATA")
FILE = Path(FOLDER or "", "mnist", "mnist.npz")


@pytest.mark.slow
@pytest.mark.skipif(
    not (FOLDER and FILE.is_file()),
    reason="TFRECVIS_DATA names no folder that holds mnist/mnist.npz",
)
@pytest.mark.parametrize("context", ["renet", "grid"])
def test_few_digits_are_enough_to_name_nine_in_ten_others(context):
    keras.utils.set_random_seed(0)
    images, classes = read_array_file(FILE, "train")
    model = ImageClassifier(10, context, 16, 1, patch_size=4, dense_units=(32,))
    model.compile(
        keras.optimizers.Adam(0.005, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(images[:6000], classes[:6000], 50, epochs=4, verbose=0)
    images, classes = read_array_file(FILE, "test")
    _, accuracy = model.evaluate(images[:2000], classes[:2000], verbose=0)
    assert accuracy > 0.9
