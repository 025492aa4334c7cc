import numpy as np

from tfrecvis.tools.runs.recipe_keys import TRAINING
from tfrecvis.tools.tasks.classification import Classification

DEFAULTS = {name: key.default for name, key in TRAINING.items()}


def test_images_are_drawn_once_per_epoch_and_in_another_order_in_the_next(digits):
    recipe = {
        "task": "classification",
        "data": {"reader": "npz", "path": str(digits), "val_count": 6},
        "training": {**DEFAULTS, "batch_size": 8},
    }
    task = Classification(recipe)
    task.open()
    epochs = [
        np.concatenate([images for images, _ in task.batches(epoch, 1)])
        for epoch in (0, 1)
    ]
    for images in epochs:
        found = sorted(images.sum((1, 2, 3)).tolist())
        assert found == sorted(task.images[:24].sum((1, 2, 3)).tolist())
    assert (epochs[0] != epochs[1]).any()
