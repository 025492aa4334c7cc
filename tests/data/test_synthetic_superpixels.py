import numpy as np
import pytest

from tfrecvis.data import SyntheticSuperpixels, batches
from tfrecvis.ops import check_graph


@pytest.fixture(scope="module")
def graphs():
    return SyntheticSuperpixels("train", count=60, nodes=30)


def edges(graphs, number):
    """(node, neighbour) pairs of a graph."""
    lists = graphs.inputs["neighbours"][number]
    return [(i, j) for i, others in enumerate(lists.tolist()) for j in others if j >= 0]


def beacons(graphs, number):
    return np.flatnonzero(graphs.inputs["features"][number, :, 1:4].max(-1) > 0.5)


def test_graphs_are_such_as_a_graph_lstm_takes(graphs):
    inputs = graphs.inputs
    check_graph(inputs["neighbours"], inputs["mask"], inputs["confidence"])
    for number in range(len(graphs)):
        pairs = set(edges(graphs, number))
        assert {(j, i) for i, j in pairs} == pairs


def test_padding_is_empty(graphs):
    padding = ~graphs.inputs["mask"]
    assert padding.any()
    assert (graphs.inputs["features"][padding] == 0).all()
    assert (graphs.inputs["neighbours"][padding] == -1).all()
    assert (graphs.labels[padding] == 0).all()


def test_islands_of_different_nodes_are_apart_and_show_their_kind_once(graphs):
    for number in range(len(graphs)):
        labels = graphs.labels[number]
        island = np.arange(len(labels))
        for _ in labels:
            for i, j in edges(graphs, number):
                if labels[i] and labels[j]:
                    assert labels[i] == labels[j]
                    island[[i, j]] = island[[i, j]].min()
        shown = beacons(graphs, number)
        on_land = np.unique(island[labels > 0])
        assert sorted(island[shown]) == on_land.tolist()
        kinds = graphs.inputs["features"][number, shown, 1:4].argmax(-1) + 1
        np.testing.assert_array_equal(kinds, labels[shown])


def test_the_most_confident_neighbour_leads_to_the_beacon(graphs):
    for number in range(20):
        confidence, labels = graphs.inputs["confidence"][number], graphs.labels[number]
        shown = beacons(graphs, number)
        for node in np.flatnonzero(labels):
            for _ in labels:  # climbs as long as a neighbour is surer
                around = [j for i, j in edges(graphs, number) if i == node]
                node = max([node, *around], key=lambda i: confidence[i])
            assert node in shown
        assert confidence[labels > 0].min() > 0.3
        sea = (labels == 0) & graphs.inputs["mask"][number]
        assert confidence[sea].max() <= 0.2


def test_nodes_away_from_beacons_look_alike_whatever_their_kind(graphs):
    features, labels = graphs.inputs["features"], graphs.labels
    plain = (labels > 0) & (features[..., 1:4].max(-1) < 0.5)
    means = np.array([features[plain & (labels == kind)].mean(0) for kind in (1, 2, 3)])
    # Noise of 0.1 over some hundred nodes a kind.
    assert np.ptp(means, axis=0).max() < 0.05
    assert plain.sum() > 500


def test_local_accuracy_counts_one_third_of_what_is_not_shown(graphs):
    mask, labels = graphs.inputs["mask"], graphs.labels
    hidden = (labels > 0).sum() - sum(len(beacons(graphs, n)) for n in range(60))
    expected = 1 - hidden / mask.sum() * 2 / 3
    assert graphs.local_accuracy == pytest.approx(expected)
    assert graphs.local_accuracy < 0.8


def test_graphs_are_a_pure_function_of_split_and_seed(graphs):
    again = SyntheticSuperpixels("train", count=3, nodes=30)
    for name, array in again.inputs.items():
        np.testing.assert_array_equal(array, graphs.inputs[name][:3])
    for other in (
        SyntheticSuperpixels("val", count=3, nodes=30),
        SyntheticSuperpixels("train", count=3, nodes=30, seed=1),
    ):
        assert (other.inputs["features"] != graphs.inputs["features"][:3]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 2.5}, "Received: count=2.5"),
        ({"nodes": "a"}, "Received: nodes='a'"),
        ({"split": 3}, "must be a string. Received: split=3"),
        ({"count": 0}, "`count` must be an integer of at least 1. Received: count=0"),
        (
            {"nodes": 11},
            "`nodes` must be an integer of at least 12. Received: nodes=11",
        ),
        ({"seed": -1}, "`seed` must be an integer of at least 0. Received: seed=-1"),
    ],
)
def test_small_numbers_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SyntheticSuperpixels(**arguments)


def test_samples_hold_the_arrays_under_the_keys_of_samples(graphs):
    for number, sample in enumerate(graphs.samples().as_numpy_iterator()):
        nodes = graphs.inputs["mask"][number]
        np.testing.assert_array_equal(sample["nodes"], nodes)
        labels = np.where(nodes, graphs.labels[number], 255)
        np.testing.assert_array_equal(sample["node_labels"], labels)
        for name in ("features", "neighbours", "confidence"):
            np.testing.assert_array_equal(sample[name], graphs.inputs[name][number])
    assert number == len(graphs) - 1
    assert len(graphs.class_names) == graphs.num_classes == 4


def test_graphs_make_batches_of_static_sizes(graphs):
    inputs = ["features", "neighbours", "confidence", "nodes"]
    dataset = batches(graphs.subset(10), 5, inputs=inputs, targets="node_labels")
    assert dataset.element_spec[0]["features"].shape.as_list() == [None, 30, 6]
    assert dataset.element_spec[1].shape.as_list() == [None, 30]
    assert len(list(dataset)) == 2
