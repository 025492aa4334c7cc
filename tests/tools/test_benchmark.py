"""What `tfrecvis benchmark layers` races is what it says it is."""

import json

import keras
import numpy as np
import pytest

from tfrecvis import layers, models
from tfrecvis.models import detection as detection_models
from tfrecvis.tools import benchmark
from tfrecvis.tools.benchmark import detection, detectors
from tfrecvis.tools.benchmark.cases import CASES
from tfrecvis.tools.benchmark.functions import layer_functions
from tfrecvis.tools.benchmark.loops import GridLoop, PixelLoop, one_node_a_step
from tfrecvis.tools.benchmark.products import MatrixProducts, Product

B, H, W, C, U = 2, 3, 4, 5, 6
IMAGES = np.random.default_rng(0).normal(size=(B, H, W, C)).astype("float32")


def randomised(layer, inputs):
    layer(inputs)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def test_pixel_loop_is_md_lstm():
    loop = randomised(PixelLoop("md", U), IMAGES)
    layer = layers.MDLSTM(
        U, directions=("down_right", "down_left", "up_right", "up_left")
    )
    layer(IMAGES)
    kernels, recurrent_kernels = loop.get_weights()[:4], loop.get_weights()[4:]
    layer.set_weights(
        [np.stack(kernels), np.stack(recurrent_kernels), np.zeros((4, 5 * U))]
    )
    np.testing.assert_allclose(loop(IMAGES), layer(IMAGES), atol=1e-5)


def test_pixel_loop_is_row_lstm():
    loop = randomised(PixelLoop("row", U), IMAGES)
    layer = layers.RowLSTM(U, learn_initial_state=False)
    layer(IMAGES)
    kernel, recurrent_kernel = loop.get_weights()
    kernel = np.stack([0 * kernel, kernel])  # the loop reads the pixel alone
    layer.set_weights([kernel, recurrent_kernel, np.zeros(4 * U)])
    np.testing.assert_allclose(loop(IMAGES), layer(IMAGES), atol=1e-5)


def test_pixel_loop_is_diagonal_bilstm():
    loop = randomised(PixelLoop("diagonal", U), IMAGES)
    layer = layers.DiagonalBiLSTM(U, learn_initial_state=False)
    layer(IMAGES)
    kernels, recurrent_kernels = loop.get_weights()[:2], loop.get_weights()[2:]
    layer.set_weights(
        [np.stack(kernels), np.stack(recurrent_kernels), np.zeros((2, 4 * U))]
    )
    left, right = np.split(np.array(loop(IMAGES)), 2, -1)
    left[:, 1:] += right[:, :-1]
    np.testing.assert_allclose(left, layer(IMAGES), atol=1e-5)


def test_grid_loop_is_grid_lstm():
    sequences = IMAGES[:, 0]
    loop = randomised(GridLoop(U, depth=3), sequences)
    layer = layers.GridLSTM(U, depth=3, output_gate="outside")
    layer(sequences)
    entry, kernel = loop.get_weights()
    time, depth = np.split(kernel, 2, -1)
    theirs = {"kernel": entry, "axis_0_kernel": time, "depth_kernel": depth}
    for weight in layer.weights:
        weight.assign(theirs.get(weight.name, np.zeros(weight.shape)))
    np.testing.assert_allclose(loop(sequences), layer(sequences), atol=1e-5)


@pytest.mark.slow
def test_one_node_a_step_gives_the_same_graph_lstm():
    case = CASES["TreeLSTM 1023 nodes"]
    inputs = {name: value[:1, :] for name, value in case.inputs().items()}
    layer = case.layer()
    together = layer(inputs["features"], children=inputs["children"])
    assert case.steps(inputs) < 64
    with one_node_a_step():
        assert case.steps(inputs) == 1023
        alone = layer(inputs["features"], children=inputs["children"])
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_every_public_layer_is_raced():
    raced = {type(case.layer()) for case in CASES.values()}
    public = {getattr(layers, name) for name in layers.__all__}
    # The cell is raced inside its layer; the others have no recurrence. Operators of
    # detectors race in `tfrecvis benchmark detection`. Decoders of captions have no
    # race yet.
    decoders = {
        getattr(layers, name) for name in layers.__all__ if name.endswith("Decoder")
    }
    without_a_race = {
        layers.Anchors,
        layers.BoxMerging,
        layers.CellBoxes,
        layers.ContextualLSTMCell,
        layers.CropToMatch,
        layers.GridBoxes,
        layers.GroupNodes,
        layers.MaxPoolWithArgmax,
        layers.MaxUnpool2D,
        layers.NonMaxSuppression,
        layers.PadToMultiple,
        layers.RegionBoxes,
        layers.RegionProposals,
        layers.RegionSamples,
        layers.ResizeImages,
        layers.RoIAlign,
        layers.RoIPool,
        layers.ScaleImages,
        layers.SequenceBoxes,
        layers.SlidingWindows,
        layers.SuperpixelPooling,
        layers.SuperpixelUnpooling,
        layers.Upsample,
        layers.WindowBoxes,
        layers.WordEmbedding,
    }
    assert public - raced - decoders == without_a_race


def test_matrix_products_are_those_named():
    work = MatrixProducts([Product(6, 3, 12), Product(2, 3, 12, steps=3)], True)
    scale = np.ones((1,), "float32")
    value = work(scale)
    first, second = (
        {name: np.asarray(w) for name, w in t.items()} for t in work.tensors
    )
    expected = (first["x"] @ first["kernel"])[0, 0]
    expected += (first["x"].T @ first["dz"] + 0)[0, 0]
    expected += (first["dz"] @ first["kernel"].T)[0, 0]
    h, dz = second["first"], second["first_dz"]
    for _ in range(3):
        h = (h @ second["kernel"])[:, :3]
        dz = np.tile(dz @ second["kernel"].T, 4)
    expected += h[0, 0] + dz[0, 0] + (second["x"].T @ second["dz"])[0, 0]
    np.testing.assert_allclose(value, expected, rtol=1e-4)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_training_function_is_the_gradient(jit_compile):
    layer = keras.layers.Dense(U)
    _, training = layer_functions(layer, {"x": IMAGES}, jit_compile)
    y = IMAGES @ layer.get_weights()[0]
    expected = IMAGES.reshape(-1, C).T @ y.reshape(-1, U) * 2 / y.size
    np.testing.assert_allclose(training(), expected, atol=1e-5)


def test_report_is_written_and_printed(tmp_path, capsys):
    path = tmp_path / "report.json"
    arguments = ["layers", "--only", "masked", "--rounds", "1", "--output", str(path)]
    assert benchmark.main(arguments) == 0
    rows = json.loads(path.read_text())["layers"]
    assert [row["pass"] for row in rows] == ["forward", "training"]
    assert "| MaskedConv2D 28x28 | training | 1 | 1 |" in capsys.readouterr().out
    for row in rows:
        assert row["launches"] >= 1
    first = rows[1]["first_call_s"]
    assert set(first) == {"tfrecvis", "keras"}
    # To compile takes longer than to run.
    times = rows[1]["times"]["tfrecvis xla"]
    assert min(first["tfrecvis"]) > times["processor_ms"] / 1000


@pytest.mark.parametrize("name", CASES)
def test_half_the_size_is_a_smaller_input_of_the_same_kind(name):
    case = CASES[name]
    whole = case.inputs()
    half = case.half(whole)
    assert keras.tree.map_structure(np.ndim, half) == keras.tree.map_structure(
        np.ndim, whole
    )
    sizes = [sum(x.size for x in keras.tree.flatten(each)) for each in (half, whole)]
    # What DrawWrite writes has one size.
    assert sizes[0] < 0.7 * sizes[1] or name.startswith("DrawWrite")
    for neighbours in ("neighbours", "children"):
        for places in keras.tree.flatten(half.get(neighbours, [])):
            assert places.max() < half["features"].shape[1]


@pytest.mark.slow
def test_report_on_detection_is_written_and_printed(tmp_path, capsys):
    path = tmp_path / "report.json"
    arguments = ["detection", "--only", "300 kept", "--rounds", "1"]
    assert benchmark.main([*arguments, "--output", str(path)]) == 0
    (row,) = json.loads(path.read_text())["detection"]
    assert set(row["times"]) == {"tfrecvis graph", "tfrecvis xla", "peer"}
    for result in row["times"].values():
        assert result["processor_ms"] > 0
        assert result["peak_mib"] >= 0
    printed = capsys.readouterr().out
    assert "| suppression, 8000 boxes, 300 kept | forward |" in printed


def test_suppression_races_an_operator_that_keeps_the_same_boxes():
    case = detection.CASES["suppression, 8000 boxes, 1000 kept"]
    inputs = case.inputs()
    np.testing.assert_array_equal(case.ours(*inputs)[0], case.peer(*inputs))


def test_folder_that_is_missing_is_refused_before_any_work(tmp_path, capsys):
    path = tmp_path / "missing" / "report.json"
    with pytest.raises(SystemExit):
        benchmark.main(["layers", "--only", "masked", "--output", str(path)])
    printed = capsys.readouterr()
    assert "cannot be written" in printed.err
    assert "measuring" not in printed.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["layers", "--only", "nothing"], "No case holds one of"),
        (["layers", "--parts", "speed"], "--parts is for ReNet"),
        (["--only", "Row"], "--only is for layers"),
        (["layers", "--rounds", "0"], "at least 1"),
    ],
)
def test_bad_arguments_are_refused(arguments, message, capsys, tmp_path):
    with pytest.raises(SystemExit):
        benchmark.main([*arguments, "--output", str(tmp_path / "report.json")])
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_detector_races_its_own_graph_without_a_head(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(detectors, "SIZE", (64, 96))
    path = tmp_path / "report.json"
    arguments = ["detection", "--only", "yolov2", "--rounds", "1"]
    assert benchmark.main([*arguments, "--output", str(path)]) == 0
    (row,) = json.loads(path.read_text())["detectors"]
    artefacts = row["artefacts"]
    assert {"saved_model", "litert_float32", "onnx"} <= set(artefacts)
    for times in artefacts.values():
        assert times["whole"] > 0
        assert times["headless"] > 0
    assert set(row["training"]) == {"whole", "headless"}
    assert "| YOLOv2 |" in capsys.readouterr().out


def test_every_detector_is_raced():
    builders = set(detection_models.__all__) & set(models.__all__)
    # RCNN runs its net on every region: there is no graph without a head beside it.
    assert set(detectors.DETECTORS) == builders - {"RCNN"}


def test_example_batch_has_masks_that_fill_their_boxes(monkeypatch):
    monkeypatch.setattr(detectors, "SIZE", (80, 90))
    batch = detectors.example_batch()
    widths, heights = np.split(batch["boxes"][..., 2:] - batch["boxes"][..., :2], 2, -1)
    areas = (widths * heights)[..., 0]
    pixels = batch["masks"].sum((-2, -1))
    assert (abs(pixels - areas) <= 2 * (widths + heights)[..., 0] + 4).all()
