import numpy as np
import pytest

from tfrecvis.tools.runs.recipe_keys import TRAINING
from tfrecvis.tools.tasks.sequences import Sequences

DEFAULTS = {name: key.default for name, key in TRAINING.items()}


def test_every_epoch_draws_other_sequences():
    recipe = {
        "task": "sequences",
        "data": {"reader": "memorisation", "length": 3, "symbols": 9, "train_count": 8},
        "training": {**DEFAULTS, "batch_size": 4},
    }
    task = Sequences(recipe)
    task.open()
    first, again, later = (
        [inputs for inputs, _ in task.batches(epoch, 1).as_numpy_iterator()]
        for epoch in (0, 0, 1)
    )
    assert len(first) == task.steps == 2
    np.testing.assert_array_equal(first, again)
    assert (np.array(first) != np.array(later)).any()
    assert (first[0] != first[1]).any()


def test_scores_count_only_the_steps_of_the_answer():
    recipe = {
        "task": "sequences",
        "data": {"reader": "memorisation", "length": 3, "symbols": 9},
        "training": DEFAULTS,
    }
    task = Sequences(recipe)
    batch = next(task.evaluation("val"))
    inputs, answers = batch["tokens"], batch["answer"]
    # Three symbols and the end: the targets of the last four of eight steps.
    assert answers.shape[1] == 4
    np.testing.assert_array_equal(answers[:, :3], inputs[:, 1:4])
    logits = np.zeros((len(answers), 8, 10), "float32")
    logits[:, 4:] = 50 * np.eye(10)[answers]
    logits[:, :4, 7] = 50  # whatever it says before
    objective = task.objective()
    loss, (accuracy, whole) = objective["loss"], objective["metrics"]
    assert np.max(loss(answers, logits)) < 1e-6
    logits[0, 5] = 50 * np.eye(10)[(answers[0, 1] + 1) % 10]
    assert np.asarray(accuracy(answers, logits))[0].tolist() == [1, 0, 1, 1]
    assert np.asarray(whole(answers, logits))[:3].tolist() == [0, 1, 1]


def test_validation_takes_as_many_sequences_as_the_recipe_says():
    recipe = {
        "task": "sequences",
        "model": {},
        "data": {"reader": "addition", "digits": 1, "val_count": 20},
        "training": {**DEFAULTS, "batch_size": 16},
    }
    batches = Sequences(recipe).evaluation("val")
    assert [len(batch["tokens"]) for batch in batches] == [16, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1 2 10", "holds '10', which is no token: tokens are numbers from 0 to 9"),
        (b"1 -2 3", "holds '-2'"),
        (b"1 2.5", "holds '2.5'"),
        (b"\x89PNG", "is no text file in UTF-8"),
        (b"1 2\n1 2 3", "the same number of tokens"),
    ],
)
def test_what_is_no_sequence_of_tokens_is_refused(tmp_path, content, message):
    recipe = {
        "task": "sequences",
        "data": {"reader": "memorisation", "length": 3, "symbols": 9},
        "training": DEFAULTS,
    }
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Sequences(recipe).read_input(tmp_path / "a.txt")
