import numpy as np
import pytest
from reference import reinspect

from tfrecvis.ops import assign_lexicographic


def draw_costs(rng, predictions, boxes, count=40):
    shape = (count, predictions, boxes)
    missed = rng.integers(0, 2, shape).astype("float32")
    rank = np.broadcast_to(np.arange(predictions)[:, None], shape).astype("float32")
    distance = rng.uniform(0, 300, shape).astype("float32")
    return [missed, rank, distance], rng.random((count, boxes)) < 0.7


@pytest.mark.parametrize(("predictions", "boxes"), [(5, 5), (5, 2), (3, 3), (1, 1)])
def test_assignment_equals_that_of_scipy(predictions, boxes):
    rng = np.random.default_rng(predictions)
    costs, real = draw_costs(rng, predictions, boxes)
    found = np.array(assign_lexicographic(costs, real))
    for n, chosen in enumerate(found):
        expected = reinspect.assignment([cost[n] for cost in costs], real[n])
        assert chosen.tolist() == expected.tolist()


def test_one_cost_alone_equals_that_of_scipy():
    rng = np.random.default_rng(0)
    (*_, distance), real = draw_costs(rng, 5, 5)
    found = np.array(assign_lexicographic([distance], real))
    for n, chosen in enumerate(found):
        expected = reinspect.assignment([distance[n]], real[n])
        assert chosen.tolist() == expected.tolist()


def test_far_box_goes_to_the_step_that_hits_it_and_not_to_the_nearest():
    missed = np.array([[1.0], [0.0]], "float32")
    distance = np.array([[1.0], [1000.0]], "float32")
    assert assign_lexicographic([missed, distance], np.ones(1)).numpy() == [1]
    assert assign_lexicographic([distance, missed], np.ones(1)).numpy() == [0]


def test_cells_without_a_real_box_have_padding_only():
    costs, _ = draw_costs(np.random.default_rng(0), 5, 5, count=2)
    assert (np.array(assign_lexicographic(costs, np.zeros((2, 5)))) == -1).all()


@pytest.mark.parametrize("shape", [(7, 7), (2, 3), (5, None)])
def test_what_has_too_many_permutations_is_refused(shape):
    import keras

    costs = keras.KerasTensor((4, *shape))
    with pytest.raises(ValueError, match="at most 6 predictions"):
        assign_lexicographic([costs], keras.KerasTensor((4, shape[1])))
