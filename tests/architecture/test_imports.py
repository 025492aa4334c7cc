"""Imports flow one way, and the backend is named in two files."""

import sys

import pytest
from architecture import project

# Layers, losses, metrics, models and their maths run under every Keras backend.
BACKEND_NEUTRAL = {"ops", "layers", "losses", "metrics", "optimizers", "models"}
NEUTRAL_LIBRARIES = {"keras", "numpy"}
BACKENDS = dict.fromkeys(
    ("tfrecvis.ops.backend", "tfrecvis.ops.scan"), {"tensorflow", "jax"}
)
# R-CNN's classifiers are no part of a graph: scikit-learn fits them under any backend.
OF_NO_BACKEND = {"tfrecvis.models.detection.svm_stage": {"sklearn"}}

# What a module may load together with itself; all else is imported where it is used.
LOADED_WITH_A_MODULE = {"keras", "numpy", "tensorflow", "tfrecvis"}


def wrong_imports(module, imports):
    room = project.room(module)
    if room is None:
        return []
    wrong = []
    for found in imports:
        library = found.name.split(".")[0]
        target = project.room(found.name)
        if target is not None:
            allowed = target == room or target in project.MAY_IMPORT[room]
        elif library == "tfrecvis" or library in sys.stdlib_module_names:
            allowed = True
        elif room in BACKEND_NEUTRAL:
            own = BACKENDS.get(module, set()) | OF_NO_BACKEND.get(module, set())
            allowed = library in NEUTRAL_LIBRARIES | own
        else:
            allowed = True
        if not allowed:
            wrong.append(f"{module}, line {found.line}: {found.name}")
    return wrong


def heavy_imports(module, imports):
    return [
        f"{module}, line {found.line}: {found.name}"
        for found in imports
        if found.with_module
        and found.name.split(".")[0] not in LOADED_WITH_A_MODULE
        and found.name.split(".")[0] not in sys.stdlib_module_names
    ]


@pytest.mark.parametrize("module", project.modules())
def test_imports_go_down_the_rooms(module):
    assert wrong_imports(module, project.imports_of(module)) == []


@pytest.mark.parametrize("module", project.modules())
def test_heavy_libraries_are_imported_where_they_are_used(module):
    if project.room(module) in BACKEND_NEUTRAL and module in BACKENDS:
        return  # the backend that runs is loaded already
    assert heavy_imports(module, project.imports_of(module)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tfrecvis.ops.scan", "from tfrecvis import layers"),
        ("tfrecvis.ops.scan", "from tfrecvis.layers import ReNet"),
        ("tfrecvis.ops.scan", "from ..layers import ReNet"),
        ("tfrecvis.ops.scan", "from .. import layers"),
        ("tfrecvis.ops.scan", "import tfrecvis\n\ntfrecvis.layers.ReNet(8)"),
        ("tfrecvis.ops.scan", "def f():\n    import tfrecvis.layers"),
        ("tfrecvis.ops.lstm", "import tensorflow as tf"),
        ("tfrecvis.layers.renet", "from tensorflow import while_loop"),
        ("tfrecvis.layers.renet", "import jax.numpy as jnp"),
        ("tfrecvis.losses.focal", "from tfrecvis.layers import ReNet"),
        ("tfrecvis.metrics.iou", "import scipy"),
        ("tfrecvis.data.folder", "from tfrecvis.models import ReSeg"),
        ("tfrecvis.models.presets", "from tfrecvis import export"),
        ("tfrecvis.models.presets", "import tensorflow"),
        ("tfrecvis.models.presets", "import_module('tfrecvis.export')"),
        (
            "tfrecvis.export.litert",
            "import importlib as i\ni.import_module('tfrecvis.tools')",
        ),
        ("tfrecvis.export.litert", "from tfrecvis.tools import main"),
    ],
)
def test_a_wrong_import_is_found(module, source):
    assert wrong_imports(module, project.imports(module, source)) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tfrecvis.ops.scan", "import tensorflow as tf"),
        ("tfrecvis.ops.lstm", "from .scan import scan"),
        ("tfrecvis.layers.renet", "import keras\nfrom tfrecvis import ops"),
        ("tfrecvis.data.folder", "import tensorflow as tf"),
        ("tfrecvis.models.presets", "import json\nfrom tfrecvis.layers import ReNet"),
        ("tfrecvis.export.litert", "from tfrecvis.models import ReSeg"),
        ("tfrecvis.tools.main", "from tfrecvis import data, export, models"),
    ],
)
def test_a_right_import_passes(module, source):
    assert wrong_imports(module, project.imports(module, source)) == []


def test_a_heavy_import_is_found_unless_a_function_holds_it():
    heavy = project.imports("tfrecvis.tools.draw", "import matplotlib.pyplot")
    lazy = project.imports("tfrecvis.tools.draw", "def f():\n    import matplotlib")
    optional = project.imports(
        "tfrecvis.tools.draw", 'plt = optional_import("matplotlib", "plots", "Plots")'
    )
    assert heavy_imports("tfrecvis.tools.draw", heavy) != []
    assert heavy_imports("tfrecvis.tools.draw", optional) != []
    assert heavy_imports("tfrecvis.tools.draw", lazy) == []


def test_every_folder_of_the_package_is_a_known_room():
    rooms = {name.split(".")[1] for name in project.modules() if "." in name}
    assert rooms - {"optional", "registration", "version"} == set(project.MAY_IMPORT)
