import pkgutil

from tfrecvis import layers, models
from tfrecvis.tools import tasks
from tfrecvis.tools.commands.list import listing
from tfrecvis.tools.runs.recipe import recipe_names


def sections():
    """The names under each title, with what is said of them."""
    found, title = {}, None
    for line in listing().splitlines():
        if line.startswith("  "):
            name, _, text = line.strip().partition(" ")
            found[title][name] = text.strip()
        else:
            title = line
            found[title] = {}
    return found


def test_list_has_five_sections():
    assert list(sections()) == ["tasks", "models", "layers", "presets", "recipes"]


def test_list_names_every_public_layer_task_preset_and_recipe():
    found = sections()
    assert "MDLSTM" in found["layers"]
    assert set(found["layers"]) == set(layers.__all__)
    assert set(found["tasks"]) == {m.name for m in pkgutil.iter_modules(tasks.__path__)}
    assert set(found["presets"]) == set(models.preset_names())
    assert set(found["recipes"]) == set(recipe_names())
    graphs = {name for name in models.__all__ if name[0].isupper()}
    assert {"ReSeg", "ImageClassifier"} <= set(found["models"]) < graphs


def test_list_says_something_of_each():
    for title, entries in sections().items():
        for name, text in entries.items():
            assert len(text) > 10, f"{title}: {name}"
