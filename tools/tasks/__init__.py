"""What a recipe can train: one file a task, each with the class of its name.

A recipe names its task at its top, `task = "sequences"`. The class is made of
`(recipe, strict)`, raises a UserError for what is wrong in the recipe or the data, and
has

- `scores`: dict of the metrics and how they are printed; the highest value of the
  first one on the validation split picks the best model;
- `description`: what there is to train and to validate on, in words;
- `model()`: the Keras model of [model];
- `objective()`: loss and metrics, as arguments of `compile`;
- `steps`: integer, batches an epoch;
- `batches(first_epoch, epochs)`: `tf.data.Dataset` of that many epochs' batches; an
  epoch is a function of `training.seed` and its number;
- `validation()`: `tf.data.Dataset` of the validation split's batches;
- `sidecar()`: dict of what `model.json` holds besides the recipe.

`tfrecvis train` does the rest: optimizer, epochs, checkpoints, the files of a run.
"""

import importlib

from tfrecvis.tools.recipe import SEGMENTATION


def task_class(recipe):
    """Returns the class of a recipe's task.

    Example:

    >>> task_class({"task": "sequences"}).__name__
    'Sequences'
    """
    name = recipe.get("task", SEGMENTATION)
    module = importlib.import_module(f"tfrecvis.tools.tasks.{name}")
    return getattr(module, name.capitalize())
