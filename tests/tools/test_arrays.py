"""What the command says of `.npz` files that a model does not take."""

import numpy as np
import pytest

RECIPE = """\
task = "superpixels"
[model]
units = 4
[data]
reader = "synthetic"
nodes = 12
train_count = 8
val_count = 4
[training]
epochs = 1
batch_size = 8
jit_compile = false
"""
EXPECTED = (
    "Expected: features (nodes, 6) float32, neighbours (nodes, neighbours) int32, "
    "confidence (nodes) float32, mask (nodes) bool"
)


@pytest.fixture(scope="module")
def run(command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    (folder / "recipe.toml").write_text(RECIPE)
    result = command("train", folder / "recipe.toml", "--output", folder / "run")
    assert result.status == 0, result.errors
    return folder / "run"


@pytest.fixture(scope="module")
def arrays():
    from tfrecvis.data import SyntheticSuperpixels

    graphs = SyntheticSuperpixels("val", 1, nodes=12)
    return {name: array[0] for name, array in graphs.inputs.items()}


def without(arrays, name):
    return {key: array for key, array in arrays.items() if key != name}


def changed(name, change):
    return lambda arrays: {**arrays, name: change(arrays[name])}


WRONG = {
    "lacks `features`": lambda arrays: without(arrays, "features"),
    "holds `features` in the shape (1, 12, 6)": changed("features", lambda a: a[None]),
    "holds `features` in the shape (12, 5)": changed("features", lambda a: a[:, 1:]),
    "holds `confidence` in the shape ()": changed("confidence", np.sum),
    "holds `neighbours` as float64": changed("neighbours", lambda a: a * 1.0),
    "holds `neighbours` as int64, from 4 to 3000000000": changed(
        "neighbours", lambda a: np.where(a == a.max(), 3_000_000_000, 4)
    ),
    "holds NaN or infinity in `features`": changed("features", lambda a: a * np.nan),
    "All inputs must have the same number of nodes. Received: 12 in `features`, 11 in "
    "`confidence`": changed("confidence", lambda a: a[1:]),
}


@pytest.mark.parametrize("message", WRONG)
def test_file_is_refused_with_what_it_must_hold(
    command, run, arrays, tmp_path, message
):
    file = tmp_path / "graph.npz"
    np.savez(file, **WRONG[message](arrays))
    result = command("predict", run, file, "--output", tmp_path / "out")
    assert result.status == 1
    assert result.errors == f"{file}: {message}. {EXPECTED}; left out\n"
    result = command("export", run, "--examples", file, "--output", tmp_path / "out")
    assert result.status == 2
    whole = f"tfrecvis: error: --examples: {file}: {message}. {EXPECTED}.\n"
    assert result.errors == whole


def write_single(file, arrays):
    with open(file, "wb") as stream:
        np.save(stream, arrays["features"])


def write_objects(file, arrays):
    np.savez(file, **{**arrays, "features": np.array([{}], object)})


def write_text(file, arrays):
    file.write_text("no archive")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_single, "is not an .npz file, which holds named arrays"),
        (write_text, "is not an .npz file, which holds named arrays"),
        (write_objects, "holds `features`, which is broken or no array of numbers"),
    ],
)
def test_file_that_cannot_be_read_is_told_in_words(
    command, run, arrays, tmp_path, write, message
):
    write(tmp_path / "graph.npz", arrays)
    result = command("predict", run, tmp_path, "--output", tmp_path / "out")
    assert result.status == 1
    assert f"graph.npz: {message}" in result.errors
    assert "pickle" not in result.errors


def test_mask_in_the_file_is_read_by_either_name(command, run, arrays, tmp_path):
    answers = []
    # Half of the graph is padding, which what is left must not see.
    mask = np.arange(12) < 6
    for name in ("mask", "nodes"):
        np.savez(tmp_path / "graph.npz", **{**without(arrays, "mask"), name: mask})
        output = tmp_path / name
        result = command("predict", run, tmp_path / "graph.npz", "--output", output)
        assert result.status == 0, result.errors
        answers.append((output / "graph_answer.json").read_text())
    np.savez(tmp_path / "graph.npz", **without(arrays, "mask"))
    output = tmp_path / "whole"
    command("predict", run, tmp_path / "graph.npz", "--output", output)
    assert answers[0] == answers[1]
    assert answers[0] != (output / "graph_answer.json").read_text()
