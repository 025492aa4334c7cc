import numpy as np
import pytest
import tensorflow as tf
from keras import ops as kops
from reference import levels as reference
from reference.gradients import check_gradients, near
from reference.graphs import operators, operators_in_loops

from tfrecvis import ops

B, N, K, F, S = 2, 9, 3, 4, 5
RNG = np.random.default_rng(0)
READS, DEPENDS = reference.random_graphs(RNG, B, N, K)
TENSORS = {
    "kernel": RNG.normal(size=(S, S), scale=0.5),
    "first": RNG.normal(size=(S,)),
    "own": RNG.normal(size=(B, N, S)),
    "weights": RNG.normal(size=(B, N, K)),
    "initial": RNG.normal(size=(B, N, S)),
}


def step(parameters, own, read):
    """Treats each of its neighbours differently, and its parameters not linearly."""
    kernel, first = parameters
    x, weights = own
    heard = kops.sum(weights[..., None] * kops.sin(read[0]), 1)
    return (kops.tanh(kops.matmul(heard, kernel) + x) * first,)


def engine(t, reads=READS, depends=DEPENDS, **options):
    t = {name: kops.convert_to_tensor(x, "float32") for name, x in t.items()}
    order = ops.schedule(reads, depends, **options)
    parameters, own = (t["kernel"], t["first"]), (t["own"], t["weights"])
    return ops.visit(step, parameters, own, (t["initial"],), order)[0]


def by_hand(t, reads=READS, depends=DEPENDS):
    def one(own, read):
        heard = (own[1][:, None] * np.sin(read)).sum(0)
        return np.tanh(heard @ t["kernel"] + own[0]) * t["first"]

    return np.stack(
        [
            reference.visit(
                one,
                list(zip(t["own"][b], t["weights"][b], strict=True)),
                t["initial"][b],
                reads[b],
                depends[b],
            )
            for b in range(len(reads))
        ]
    )


@pytest.mark.parametrize("width", [None, 1, 2, 100])
def test_visit_matches_one_node_at_a_time(width):
    np.testing.assert_allclose(
        engine(TENSORS, width=width), by_hand(TENSORS), atol=1e-5
    )


@pytest.mark.parametrize("width", [None, 2])
def test_hand_written_gradients_match_automatic_and_finite_differences(width):
    def automatic(t):
        """The plain loop of one node after the other, differentiated by TensorFlow."""
        graphs = []
        for b in range(B):
            new = {}
            for i in reference.in_order(READS[b], DEPENDS[b]):
                read = [
                    (new[j] if w else t["initial"][b, j]) if j >= 0 else tf.zeros(S)
                    for j, w in zip(READS[b, i], DEPENDS[b, i], strict=True)
                ]
                own = t["own"][b, i][None], t["weights"][b, i][None]
                parameters = t["kernel"], t["first"]
                (y,) = step(parameters, own, (tf.stack(read)[None],))
                new[i] = y[0]
            graphs.append(tf.stack([new[i] for i in range(N)]))
        return [tf.stack(graphs)]

    check_gradients(
        TENSORS,
        lambda t: [engine(t, width=width)],
        automatic,
        lambda t: [by_hand(t)],
    )


def gradient_of(function, *arguments):
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        y = function(*arguments)
        loss = tf.reduce_sum(tf.sin(y))
    return y, tape.gradient(loss, arguments)


def train(kernel, first, own, weights, initial, reads, depends):
    """What `engine` gives and its gradients, of tensors only."""

    def run(*values):
        return engine(dict(zip(TENSORS, values, strict=True)), reads, depends)

    return gradient_of(run, kernel, first, own, weights, initial)


def arguments(batch=B, nodes=N, seed=1):
    rng = np.random.default_rng(seed)
    sizes = {
        "kernel": (S, S),
        "first": (S,),
        "own": (batch, nodes, S),
        "weights": (batch, nodes, K),
        "initial": (batch, nodes, S),
    }
    tensors = [tf.constant(rng.normal(size=s), "float32") for s in sizes.values()]
    return [*tensors, *reference.random_graphs(rng, batch, nodes, K)]


@pytest.mark.parametrize(
    "jit_compile", [pytest.param(False, marks=pytest.mark.slow), True]
)
def test_one_compiled_training_step_takes_other_graphs(jit_compile):
    compiled = tf.function(train, jit_compile=jit_compile)
    for seed in (1, 2):
        given = arguments(seed=seed)
        near(
            tf.nest.flatten(compiled(*map(tf.constant, given))),
            tf.nest.flatten(train(*given)),
            atol=2e-5,
        )
    assert compiled.experimental_get_tracing_count() == 1


def test_one_trace_takes_every_batch_and_number_of_nodes():
    floats = [(S, S), (S,), (None, None, S), (None, None, K), (None, None, S)]
    signature = [tf.TensorSpec(shape) for shape in floats]
    signature += [tf.TensorSpec((None, None, K), d) for d in (tf.int64, tf.bool)]
    traced = tf.function(train, input_signature=signature)
    for batch, nodes in ((2, 9), (3, 4), (1, 40)):
        given = arguments(batch, nodes)
        near(
            tf.nest.flatten(traced(*given)),
            tf.nest.flatten(train(*given)),
            atol=2e-5,
        )


# Order and steps


def chain(nodes):
    reads = np.arange(-1, nodes - 1).reshape(1, nodes, 1)
    return reads, reads >= 0


@pytest.mark.parametrize("width", [1, 2, 4, 30])
def test_steps_are_levels_cut_into_chunks(width):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        reads, depends = reference.random_graphs(rng, 3, 20, 2)
        steps = int(ops.schedule(reads, depends, width=width).steps)
        assert steps == reference.steps(reads, depends, width)
        if width >= 20:
            assert steps == max(
                reference.levels(*g).max() + 1 for g in zip(reads, depends, strict=True)
            )


def test_loop_runs_as_many_steps_as_the_schedule_says(count_steps):
    y = engine(TENSORS, width=2)
    levels = max(
        reference.levels(*g).max() + 1 for g in zip(READS, DEPENDS, strict=True)
    )
    assert count_steps == [levels, reference.steps(READS, DEPENDS, 2)]
    assert y.shape == (B, N, S)


def test_backward_pass_runs_the_same_steps(count_steps):
    kernel = tf.constant(TENSORS["kernel"], "float32")
    gradient_of(lambda k: engine({**TENSORS, "kernel": k}), kernel)
    assert count_steps[1] == count_steps[2] == reference.steps(READS, DEPENDS, N)
    assert len(count_steps) == 3


def test_default_width_is_that_of_few_nodes_or_32():
    for nodes in (5, 40):
        nobody = np.full((1, nodes, 1), -1)
        order = ops.schedule(nobody, nobody >= 0)
        assert tuple(order.rows.shape) == (nodes, min(nodes, 32))
        assert int(order.steps) == -(-nodes // 32)


def test_a_chain_takes_one_step_a_node():
    assert int(ops.schedule(*chain(7)).steps) == 7


def test_nodes_are_visited_after_those_they_wait_for():
    order = np.asarray(ops.schedule(READS, DEPENDS, width=4).order) // 4
    for b, i, k in np.argwhere(DEPENDS):
        assert order[b, READS[b, i, k]] < order[b, i]


def test_each_graph_of_a_batch_has_its_own_order():
    alone = [engine_of_one(b) for b in range(B)]
    np.testing.assert_allclose(engine(TENSORS), np.concatenate(alone), atol=1e-6)


def engine_of_one(b):
    per_node = ("own", "weights", "initial")
    t = {n: x[b : b + 1] if n in per_node else x for n, x in TENSORS.items()}
    return engine(t, READS[b : b + 1], DEPENDS[b : b + 1])


def test_one_sided_edge_reads_the_given_state_of_a_node_visited_before():
    # Node 1 waits for nothing, but reads the given state of node 0, which is done.
    reads, depends = np.array([[[-1], [0], [1]]]), np.zeros((1, 3, 1), bool)
    depends[0, 2] = True
    values = tf.constant([[[1.0], [10.0], [100.0]]])
    (y,) = ops.visit(
        lambda _, own, read: (own[0] + read[0][:, 0],),
        (),
        (values,),
        (tf.constant([[[0.5], [0.25], [0.125]]]),),
        ops.schedule(reads, depends, width=1),
    )
    np.testing.assert_array_equal(y[0, :, 0], [1.0, 10.5, 110.5])


# Masks, cycles, nothing at all


def test_masked_node_is_neither_visited_nor_read():
    mask = np.ones((B, N), bool)
    mask[0, 2] = mask[1, 5] = mask[1, 8] = False
    reads = READS.copy()
    for b, i in np.argwhere(~mask):
        reads[b][reads[b] == i] = -1
    expected = by_hand(TENSORS, reads, DEPENDS & (reads >= 0))
    expected[~mask] = 0
    y, gradients = gradient_of(
        lambda own: engine({**TENSORS, "own": own}, mask=mask),
        tf.constant(TENSORS["own"], "float32"),
    )
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_array_equal(gradients[0].numpy()[~mask], 0)
    assert (np.abs(gradients[0].numpy()[mask]).max(-1) > 0).all()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_nodes_that_wait_for_a_cycle_are_not_visited(jit_compile):
    reads = np.array([[[-1], [2], [1], [2], [0]]])  # 1 and 2 wait for each other

    @tf.function(jit_compile=jit_compile)
    def order(reads):
        found = ops.schedule(reads, reads >= 0)
        return found.order, found.steps

    slots, steps = order(tf.constant(reads))
    np.testing.assert_array_equal(slots, [[0, -1, -1, -1, 5]])
    assert int(steps) == 2


def test_batch_without_graphs_and_graphs_without_nodes_give_as_much():
    for batch, nodes in ((0, N), (B, 0)):
        given = arguments(batch, nodes)
        y, gradients = train(*given)
        assert y.shape == (batch, nodes, S)
        assert not np.any(gradients[0])


def test_nodes_that_read_nobody_go_in_one_step():
    nobody = np.full((B, N, K), -1)
    assert int(ops.schedule(nobody, nobody >= 0).steps) == 1
    expected = by_hand(TENSORS, nobody, nobody >= 0)
    np.testing.assert_allclose(
        engine(TENSORS, nobody, nobody >= 0), expected, atol=1e-5
    )


# What becomes of it in a graph


def test_graph_has_no_lists_and_does_not_grow_with_its_sizes():
    sizes = []
    for nodes in (200, 400):  # smaller zeros are constants, not operators
        given = [tf.constant(x) for x in arguments(nodes=nodes)]
        graph = tf.function(train).get_concrete_function(*given)
        assert operators(graph, "TensorList") == 0
        assert operators(graph, "While") == 3  # levels, forward, backward
        sizes.append(len(graph.graph.as_graph_def().node))
    assert sizes[0] == sizes[1]


def test_states_are_not_joined_inside_the_loops():
    """XLA would compute all that leads to a joined state once per state."""

    def two_states(own, reads, depends):
        def step(parameters, own, read):
            h, c = (kops.sum(kops.sin(r), 1) + own[0] for r in read)
            return h * c, h + c

        order = ops.schedule(reads, depends)
        return kops.sum(ops.visit(step, (), (own,), (own, own), order)[0])

    given = [tf.constant(x) for x in (TENSORS["own"].astype("float32"), READS, DEPENDS)]
    graph = tf.function(
        lambda own, *graphs: gradient_of(lambda o: two_states(o, *graphs), own)
    ).get_concrete_function(*given)
    assert operators_in_loops(graph, "TensorScatterUpdate") == 2
    assert operators_in_loops(graph, "TensorScatterAdd") == 2
    assert operators_in_loops(graph, "ConcatV2") == 0
    assert operators_in_loops(graph, "Pack") == 0
