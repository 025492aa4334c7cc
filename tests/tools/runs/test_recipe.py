import inspect
import re

import pytest

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.runs.recipe import (
    differences,
    find_recipe,
    header,
    read_recipe,
    recipe_names,
    write_recipe,
)
from tfrecvis.tools.runs.recipe_keys import TRAINING
from tfrecvis.tools.task import task_class


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipe_is_valid_and_states_what_it_takes_and_gives(name):
    read_recipe(find_recipe(name))
    text = "\n".join(header(find_recipe(name)))
    for word in ("Command:", "Hardware:", "Duration:", "Score:"):
        stated = text.partition(word)[2].partition("\n")[0]
        assert stated.strip(), f"{name} states no {word}"
        if word in ("Duration:", "Score:"):
            measured = re.search(r"\d", stated) or "not measured" in stated
            assert measured, f"{name} states no number as {word}"
    assert f"tfrecvis train {name} " in text


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipe_names_arguments_of_its_model(name):
    from tfrecvis import models

    recipe = read_recipe(find_recipe(name))
    task = task_class(recipe["task"])(recipe)
    known = inspect.signature(getattr(models, task.model_class)).parameters
    assert set(recipe["model"]) <= {*known, *task.model_keys}
    assert "num_classes" not in recipe["model"]


def test_absent_keys_get_their_defaults(recipe):
    training = read_recipe(recipe)["training"]
    assert training["epochs"] == 5
    assert training["optimizer"] == TRAINING["optimizer"].default
    assert training["label_smoothing"] == 0.0, "a key of the task"


def test_set_overrides_numbers_booleans_lists_and_bare_words(recipe):
    settings = [
        "training.epochs=7",
        "training.jit_compile=true",
        "model.backbone_filters=[4, 6]",
        "model.context=conv",
    ]
    read = read_recipe(recipe, settings)
    assert read["training"]["epochs"] == 7
    assert read["training"]["jit_compile"] is True
    assert read["model"]["backbone_filters"] == [4, 6]
    assert read["model"]["context"] == "conv"


def test_data_sets_the_path():
    recipe = find_recipe("camvid_reseg")
    assert read_recipe(recipe, data="there")["data"]["path"] == "there"


def test_data_for_a_recipe_that_makes_its_own_is_refused(recipe):
    with pytest.raises(UserError, match="leave out --data"):
        read_recipe(recipe, data="there")


def test_a_key_where_a_table_belongs_is_named(tmp_path):
    (tmp_path / "bad.toml").write_text('task = "sequences"\nmodel = 3\n')
    with pytest.raises(UserError, match="must be a table"):
        read_recipe(tmp_path / "bad.toml", ["model.units=3"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.epoch=3", "`epoch` in .training.. Did you mean `epochs`"),
        ("trainin.epochs=3", "unknown table. Did you mean `training`"),
        ("training.epochs", "TABLE.KEY=VALUE"),
        ("training.epochs=0", "epochs must be positive. Received: 0"),
        ("training.epochs=2.5", "epochs must be an integer. Received: 2.5"),
        ("training.epochs=true", "epochs must be an integer. Received: True"),
        ("training.learning_rate=nan", "learning_rate must be positive"),
        ("training.learning_rate=fast", "learning_rate must be a number"),
        ("training.clipnorm=-1", "clipnorm must not be negative"),
        ("training.ema_momentum=1", "ema_momentum must be below 1. Received: 1"),
        (
            "training.class_weights=mean",
            'class_weights must be one of "median", "none"',
        ),
        ("training.seed=4294967296", "seed must be below"),
        ("training.from=3", "from must be a string"),
        ("training.optimizer=adamm", 'one of "adamw", "adam", "sgd", "adadelta"'),
        ("training.jit_compile=1", 'one of true, false, "auto"'),
    ],
)
def test_wrong_setting_says_what_is_expected(recipe, setting, message):
    with pytest.raises(UserError, match=message):
        read_recipe(recipe, [setting])


def test_unknown_table_names_the_nearest(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text('task = "sequences"\n[modell]\nunits = 3\n')
    with pytest.raises(UserError, match=r"\[modell\]. Did you mean `model`"):
        read_recipe(file)


def test_text_that_is_not_toml_is_said_so_with_its_line(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text("[model]\nunits = \n")
    with pytest.raises(UserError, match="not valid TOML.*line 2"):
        read_recipe(file)


def test_unknown_task_names_the_nearest(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text('task = "sequence"\n')
    with pytest.raises(UserError, match="no task 'sequence'.*mean `sequences`"):
        read_recipe(file)


def test_recipe_must_name_its_task(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text("[model]\nunits = 3\n")
    with pytest.raises(UserError, match="names no task: write.*Known: .*segmentation"):
        read_recipe(file)


def test_tables_and_keys_are_those_of_the_task(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text('task = "sequences"\n[augmentation]\nflip = true\n')
    with pytest.raises(UserError, match=r"unknown table \[augmentation\]"):
        read_recipe(file)
    file.write_text('task = "sequences"\n')
    with pytest.raises(UserError, match="Unknown key `label_smoothing`"):
        read_recipe(file, ["training.label_smoothing=0.1"])


def test_written_recipe_reads_the_same_with_its_comments(recipe, tmp_path):
    read = read_recipe(recipe, ['data.class_names=["gräss", "a \\"b\\""]'])
    write_recipe(read, tmp_path / "copy.toml", ["What it is.", ""])
    assert read_recipe(tmp_path / "copy.toml") == read
    assert header(tmp_path / "copy.toml") == ["What it is.", ""]


def test_recipe_of_another_task_differs(recipe):
    one = read_recipe(recipe)
    other = {**one, "task": "sequences"}
    assert differences(one, other) == ["task (was segmentation, now sequences)"]


def test_unknown_recipe_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean `synthetic_reseg`"):
        find_recipe("synthetic_resegg")
