"""The state of a training in one file that is there whole or not at all.

`keras.callbacks.BackupAndRestore` holds neither the best score so far nor the random
states of dropout, and its file may be half written.
"""

import contextlib
import json
import os
from zipfile import BadZipFile

import numpy as np

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import whole_file


def state_variables(model):
    """Returns all variables that a compiled model's training goes on from.

    The weights, the states of the random generators (dropout's, too), and what the
    optimizer keeps: moments, steps, moving averages.

    Args:
        model: Compiled Keras model.
    """
    model.optimizer.build(model.trainable_variables)
    # The moving averages of LossScaleOptimizer's inner optimizer are its own.
    inner = getattr(model.optimizer, "inner_optimizer", None)
    found = [*model.variables, *model.optimizer.variables]
    found += inner.variables if inner is not None else []
    return list({id(variable): variable for variable in found}.values())


def write_checkpoint(path, model, progress):
    """Writes the state after an epoch.

    Args:
        path: The file, which is replaced.
        model: Compiled Keras model.
        progress: Dict that JSON can hold, such as the number of epochs that are done.
    """
    from keras import ops

    arrays = {
        f"{index:05d}": ops.convert_to_numpy(variable)
        for index, variable in enumerate(state_variables(model))
    }
    with whole_file(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, progress=json.dumps(progress), **arrays)
        stream.flush()
        os.fsync(stream.fileno())


def read_checkpoint(path, model):
    """Gives the model and its optimizer the state of the file.

    Returns:
        The dict that `write_checkpoint` was given.

    Raises:
        UserError: the file belongs to another model, or cannot be read.
    """
    variables = state_variables(model)
    with _opened(path) as file:
        progress = json.loads(str(file["progress"]))
        arrays = [file[name] for name in sorted(file.files) if name != "progress"]
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [array.shape for array in arrays]:
        raise UserError(
            f"The checkpoint {path} holds {len(arrays)} arrays, which do not fit the "
            f"{len(shapes)} of this model: it was written by another version of "
            "tfrecvis. Remove the run's directory to begin anew."
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return progress


def epochs_done(path):
    """Returns the number of epochs after which a checkpoint was written; 0 without one.

    Raises:
        UserError: the file cannot be read.

    Example:

    >>> from pathlib import Path
    >>> epochs_done(Path("no_such_run", "checkpoint.npz"))
    0
    """
    if not path.exists():
        return 0
    with _opened(path) as file:
        return json.loads(str(file["progress"]))["epoch"]


@contextlib.contextmanager
def _opened(path):
    try:
        with np.load(path) as file:
            yield file
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UserError(
            f"The checkpoint {path} cannot be read ({error}). "
            "Remove the run's directory to begin anew."
        ) from error
