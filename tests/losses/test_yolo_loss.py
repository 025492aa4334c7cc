import numpy as np
import pytest
import tensorflow as tf
from reference import one_stage

from tfrecvis.losses import yolo_loss

SIZE = (48, 80)  # height and width of the images
NAMES = ("boxes", "objects", "nothing", "classes")


def sample(seed=0, per_cell=2):
    """Three images: objects of two cells and one too many; a thin one; none."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, (3, 3, 4, 5 * per_cell + 3)).astype("float32")
    boxes = np.zeros((3, 4, 4), "float32")
    boxes[0] = [[4, 6, 30, 40], [6, 8, 28, 38], [50, 18, 79, 48], [70, 40, 80, 48]]
    boxes[1, :2] = [[10, 5, 10.3, 30], [8, 4, 14, 30]]
    classes = np.array([[1, 0, 2, 2], [0, 1, -1, -1], [-1, -1, -1, -1]], "int32")
    return values, boxes, classes


@pytest.mark.parametrize(("seed", "per_cell"), [(0, 2), (1, 2), (2, 1), (3, 3)])
def test_losses_equal_the_loop_over_cells(seed, per_cell):
    given = sample(seed, per_cell)
    found = yolo_loss(*given, SIZE, per_cell)
    expected = one_stage.yolo_loss(*given, SIZE, per_cell)
    for name in NAMES:
        np.testing.assert_allclose(float(found[name]), expected[name], rtol=1e-5)


def test_where_none_overlaps_the_least_different_box_is_responsible():
    values, boxes, classes = sample()
    values[..., 0:2] = values[..., 5:7] = 20.0  # far outside
    values[..., 5] = 12.0
    found = yolo_loss(values, boxes, classes, SIZE)
    expected = one_stage.yolo_loss(values, boxes, classes, SIZE, 2)
    for name in NAMES:
        np.testing.assert_allclose(float(found[name]), expected[name], rtol=1e-5)


def gradient(name, values, boxes, classes, jit_compile=False):
    @tf.function(jit_compile=jit_compile)
    def compute(values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            losses = yolo_loss(values, boxes, classes, SIZE)
            total = sum(losses.values()) if name == "all" else losses[name]
        return tape.gradient(total, values)

    return compute(tf.constant(values)).numpy()


def test_no_gradient_passes_the_overlap():
    found = gradient("objects", *sample())
    assert found[..., [4, 9]].any()
    assert not np.delete(found, [4, 9], -1).any()


def test_later_object_of_a_cell_is_left_out():
    values, boxes, classes = sample()
    alone = classes.copy()
    alone[0, 1] = -1
    for name in NAMES:
        one, other = (yolo_loss(values, boxes, c, SIZE) for c in (classes, alone))
        assert float(one[name]) == pytest.approx(float(other[name]), rel=1e-6)
    later = yolo_loss(values, boxes[:, ::-1], classes[:, ::-1], SIZE)
    assert float(later["boxes"]) != pytest.approx(float(other["boxes"]), rel=1e-3)


def test_images_without_any_object_train_confidence_only():
    values, _, _ = sample()
    empty = np.zeros((3, 0, 4), "float32"), np.zeros((3, 0), "int32")
    losses = {name: float(x) for name, x in yolo_loss(values, *empty, SIZE).items()}
    assert losses.pop("nothing") == pytest.approx(
        0.5 * (values[..., [4, 9]] ** 2).sum() / 3, rel=1e-5
    )
    assert set(losses.values()) == {0.0}
    found = gradient("all", values, *empty)
    assert np.isfinite(found).all()
    assert not np.delete(found, [4, 9], -1).any()


def test_xla_gives_the_same_gradients():
    expected = gradient("all", *sample())
    found = gradient("all", *sample(), jit_compile=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
