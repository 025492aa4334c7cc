"""What the commands know of a kind of work: one class per task.

A task is a file of `tfrecvis.tools.tasks` with a class of its name: `segmentation.py`
holds `Segmentation`. `docs/design/tasks.md` shows how one is added.
"""

import abc
import importlib
import pkgutil
from itertools import islice
from pathlib import Path

from tfrecvis.tools.errors import UserError, nearest
from tfrecvis.tools.files import find_files, plain, write_json

NUM_EXAMPLES = 4  # to compare artefacts on


class Task(abc.ABC):
    """The base of all tasks; what a task overrides is marked with a star.

    A *batch* is a dict of arrays with a batch axis, keys of
    `tfrecvis.data.SAMPLE_KEYS`; an *answer* is what the model's signature gives for
    it. A task is made of a recipe; `card` is what is known of a trained model. Only
    `open` reads data.

    Attributes:
        scores*: Dict of the scores' names and titles; the highest value of the first
            on the validation split picks the best model of a run.
        scores_answers*: Boolean; whether the scores need answers. If not, they are
            metrics of `objective`, and computed of the raw outputs as these are.
        training_keys*: Dict of names to `Key`, its own keys of [training].
        tables*: Tuple of its own tables of a recipe, besides [model], [data],
            [training] and [demo].
        drawn*: Tuple of its readers that make their data, and take no path.
        model_keys*: Tuple of keys of [model] besides the arguments of its model.
        model_class*: String, the name of its model in `tfrecvis.models`.
        made_inputs*: Tuple of the names of inputs that `complete` makes.
        last_stage*: Function that changes the best model after `fit`, or None. It is
            given the model, and a function that returns its scores as it is then.
        files*: Tuple of endings of the files that `write` makes of one input.
        whole_videos*: Boolean; a video, or a folder of frames, is one input, and not
            answered frame by frame.
        unit*: String, what its samples are called.

    Args:
        recipe: Dict, as `read_recipe` returns it.
        card: Dict, the model's card, or None.
    """

    scores = {"accuracy": "accuracy"}
    scores_answers = False
    training_keys = {}
    tables = ()
    drawn = ()
    model_keys = ()
    model_class = None
    made_inputs = ()
    last_stage = None
    files = ("_answer.json",)
    whole_videos = False
    unit = "samples"

    def __init__(self, recipe, card=None):
        self.recipe = recipe
        self.card = card or {}
        self.training = recipe["training"]

    # The data.

    @property
    def val_split(self):
        """The name of the split that a training is validated on."""
        return self.recipe["data"].get("val_split", "val")

    @abc.abstractmethod
    def open(self, strict=False):
        """* Reads and checks the data of the training and the validation split.

        Sets `steps`, integer, batches per epoch, and `description`, what there is to
        train and to validate on, in words.

        Raises:
            UserError: the recipe or the data is wrong.
        """

    @abc.abstractmethod
    def batches(self, first_epoch, epochs):
        """* `tf.data.Dataset` of that many epochs' batches for `fit`.

        An epoch is a function of `training.seed` and its number.
        """

    @abc.abstractmethod
    def evaluation(self, split, strict=False, data=None):
        """* Iterable of the batches of a split, as dicts of NumPy arrays.

        Needs no `open`; entries of a batch may differ in size from those of another.

        Args:
            split: String.
            strict: Boolean; unusable files are an error.
            data: Path of the data in place of the recipe's, or None.
        """

    def samples(self, count):
        """* List of a few batches of the validation split, to draw. Needs no `open`.

        By default the first ones.
        """
        return list(islice(self.evaluation(self.val_split), count))

    @abc.abstractmethod
    def example(self, batch):
        """* A batch as `fit` takes it: `(inputs, targets)` or with weights."""

    @abc.abstractmethod
    def validation(self):
        """* `tf.data.Dataset` of the validation split's batches for `evaluate`."""

    # The model.

    @abc.abstractmethod
    def model(self):
        """* The Keras model of [model]."""

    def trainer(self, model):
        """* The model that `fit` trains, which shares all weights with `model`.

        By default the model itself; another one where training needs the truth as an
        input.
        """
        return model

    @abc.abstractmethod
    def objective(self):
        """* Loss and metrics, as arguments of `compile`; there is a model by then."""

    @abc.abstractmethod
    def signatures(self, model):
        """* List of `tfrecvis.models.Signature` of a model."""

    def sidecar(self):
        """* Dict of what the card holds besides task, recipe and model."""
        return {}

    # From batches to answers.

    def inputs(self, batch):
        """* The inputs of `serving_default` for a batch, by name."""
        return batch

    def complete(self, inputs):
        """* The inputs, with those that are made of images in the model's size."""
        return inputs

    def restored(self, answer, given, size):
        """* The answer to images that were resized, for those of the old size.

        Args:
            answer: Dict of arrays.
            given: `(height, width)` of the images that the model got.
            size: `(height, width)` of the images in the batch.
        """
        return answer

    def score(self, pairs):
        """* The scores of answers; epoch ends and `evaluate` use the same.

        By default the metrics of `objective`, taken of the answers' probabilities.

        Args:
            pairs: Iterable of (batch, answer).

        Returns:
            Dict that JSON can hold, with every name of `scores`.
        """
        objective = self.objective()
        plain = [_metric(metric) for metric in objective.get("metrics", ())]
        weighted = [_metric(metric) for metric in objective.get("weighted_metrics", ())]
        for batch, answer in pairs:
            _, targets, *weights = self.example(batch)
            for metric in plain:
                metric.update_state(targets, answer["probabilities"])
            for metric in weighted:
                metric.update_state(targets, answer["probabilities"], *weights)
        return {metric.name: float(metric.result()) for metric in plain + weighted}

    def full_score(self, pairs):
        """* What `evaluate` writes: `score`, and what takes too long for an epoch."""
        return self.score(pairs)

    def table(self, result):
        """* Scores as text for the terminal."""
        return "\n".join(
            f"{title} {result[name]:.4f}" for name, title in self.scores.items()
        )

    def draw_scores(self, result, heading, directory):
        """* Draws scores; returns the paths of the pictures.

        Args:
            result: Dict that `score` returned.
            heading: String: model, data and split.
            directory: Path.
        """
        return []

    def compare(self, batches, answers, path):
        """* Draws the answers of several models side by side; returns the path or None.

        Args:
            batches: List of batches of one entry.
            answers: Dict of a model's name to the list of its answers.
            path: The PNG to write.
        """
        return

    # Files in, files out.

    def find_inputs(self, paths):
        """* What the arguments of `predict` name: list of (file, path in its folder).

        By default `.npz` files, and folders of them.
        """
        return find_files(paths, (".npz",), "no .npz file")

    def read_input(self, file):
        """* The batch of one entry that a file holds.

        By default the arrays of an `.npz` file, named as the model's inputs, without
        a batch axis.

        Raises:
            ValueError: the file cannot be read.
        """
        from tfrecvis.tools.arrays import read_arrays

        return read_arrays(file)

    def write(self, batch, answer, stem):
        """* Writes the files of one input, `stem` and each of `files`.

        Returns:
            String for the terminal, or None.
        """
        content = {name: plain(value[0]) for name, value in answer.items()}
        write_json(Path(f"{stem}{self.files[0]}"), content)

    def examples(self, path, size):
        """* A few inputs to compare exported artefacts on, from the user or drawn.

        By default entries of the first file, or of the validation split.

        Args:
            path: File or folder, or None.
            size: `(height, width)` that images shall have.

        Returns:
            Dict of the inputs of all signatures; for signatures that differ in an
            input of the same name, a dict of a signature's name to such a dict.

        Raises:
            UserError: there are none.
        """
        try:
            if path is None:
                batch = next(iter(self.evaluation(self.val_split)))
            else:
                batch = self.read_input(self.find_inputs([path])[0][0])
        except (UserError, ValueError) as error:
            raise UserError(
                "The artefacts need inputs to be compared on; --examples names a file "
                f"or folder of them. {path or 'The validation split'}: {error}"
            ) from error
        inputs = self.inputs(batch)
        return {name: value[:NUM_EXAMPLES] for name, value in inputs.items()}


def task_names():
    """Returns the names of all tasks.

    Example:

    >>> "segmentation" in task_names()
    True
    """
    from tfrecvis.tools import tasks

    return sorted(module.name for module in pkgutil.iter_modules(tasks.__path__))


def task_class(name):
    """Returns the class of a task.

    Raises:
        UserError: there is no such task.

    Example:

    >>> task_class("sequences").__name__
    'Sequences'
    """
    if name not in task_names():
        raise UserError(
            f"There is no task {name!r}. {nearest(str(name), task_names())}"
        )
    module = importlib.import_module(f"tfrecvis.tools.tasks.{name}")
    return getattr(module, name.title().replace("_", ""))


def _metric(metric):
    import keras

    if isinstance(metric, str):
        return keras.metrics.get(metric)
    if isinstance(metric, keras.metrics.Metric):
        return metric.from_config(metric.get_config())
    return keras.metrics.MeanMetricWrapper(metric, name=metric.__name__)
