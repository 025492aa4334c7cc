"""Recurrences over graphs: nodes that do not wait for each other go in one step.

Where node i reads the *new* state of node j, j comes before i. Nodes that wait for no
node are level 0; every other node is one level above the highest that it waits for.
Levels run one after the other, all nodes of a level and all graphs of a batch at once:
the same numbers as one node at a time, in as many steps as there are levels. A level
of more nodes than `width` takes several steps, so that the work grows with
`nodes + levels * width` and not with `nodes * levels`.

How many steps there are is known only when the graph runs. So these are while loops
over whole tensors under every lowering of `scan`, "unrolled" too.
"""

from typing import NamedTuple

from keras import ops

from tfrecvis.ops.backend import custom_gradient, vjp

WIDTH = 32  # nodes of a graph that go in one step


class Schedule(NamedTuple):
    """What `schedule` found; `visit` follows it. Graph b's node n is row b * N + n.

    Fields:
        steps: Integer tensor, sequential steps.
        rows: Integer tensor `(N, B * width)`: the rows that each step visits, B * N for
            none. Only the first `steps` lines are used.
        reads: Integer tensor `(B * N, K)`: what each row reads of the table of `visit`:
            the given state of row r at r, its new state at B * N + r, nothing at
            2 * B * N.
        present: Boolean tensor `(B, N, K)`, False where nothing is read.
        order: Integer tensor `(B, N)` that grows with the step in which a node is
            visited; -1 for a node that is not.

    Example:

    >>> chain = ops.convert_to_tensor([[[-1], [0], [1]]])
    >>> [int(i) for i in schedule(chain, chain >= 0).order[0]]
    [0, 3, 6]
    """

    steps: object
    rows: object
    reads: object
    present: object
    order: object


def schedule(reads, depends, mask=None, width=None):
    """Order the nodes of a batch of graphs into as few steps as exact results allow.

    Found in the graph of the backend, by a loop with one iteration per level: graphs
    may differ from batch to batch, and within a batch.

    Args:
        reads: Integer tensor `(B, N, K)`, the nodes that each node reads; -1, or any
            other that is no node, for none.
        depends: Boolean tensor `(B, N, K)`: whether it reads their new state (True: it
            waits for them) or the given one. No node may wait for itself, over however
            many others: such nodes, and those that wait for them, are never visited.
        mask: Boolean tensor `(B, N)`, False for a node that is neither visited nor
            read; or None.
        width: Integer, nodes of a graph that go in one step. 32 by default, or all
            where there are fewer.

    Returns:
        A `Schedule`.

    Example:

    Nodes 1 and 2 wait for node 0, node 3 for both of them: three levels.

    >>> diamond = ops.convert_to_tensor([[[-1, -1], [0, -1], [0, -1], [1, 2]]])
    >>> int(schedule(diamond, diamond >= 0).steps)
    3
    """
    reads = ops.cast(reads, "int32")
    batch, nodes, neighbours = ops.shape(reads)
    if width is None:
        width = max(1, min(WIDTH, nodes)) if isinstance(nodes, int) else WIDTH
    count = batch * nodes
    first = ops.arange(batch, dtype="int32")[:, None] * nodes
    targets = first[:, :, None] + ops.clip(reads, 0, nodes - 1)
    present = (reads >= 0) & (reads < nodes)
    if mask is None:
        mask = ops.ones((batch, nodes), "bool")
    mask = ops.cast(mask, "bool")
    present = present & mask[:, :, None] & ops.take(ops.reshape(mask, (-1,)), targets)
    depends = ops.cast(depends, "bool") & present

    # The last row stands for what no node waits for.
    waits_for = ops.where(depends, targets, count)
    order, used = _order(waits_for, mask, width)
    steps = ops.max(used, initial=0) // width

    lanes = batch * width
    step, lane = order // width, order % width
    places = step * lanes + ops.arange(batch, dtype="int32")[:, None] * width + lane
    places = ops.where(order >= 0, places, nodes * lanes)
    rows = ops.scatter_update(
        ops.full((nodes * lanes + 1,), count, "int32"),
        ops.reshape(places, (-1, 1)),
        ops.arange(count, dtype="int32"),
    )
    table = ops.where(depends, targets + count, targets)
    table = ops.where(present, table, 2 * count)
    return Schedule(
        steps,
        ops.reshape(rows[:-1], (nodes, lanes)),
        ops.reshape(table, (count, neighbours)),
        present,
        order,
    )


def _order(waits_for, mask, width):
    """A slot for each node, -1 for none, and the slots that each graph uses.

    Each iteration finds the nodes of one level: those that wait for no other. They
    take the next slots; the next level starts at the next multiple of `width`.
    """
    batch, nodes, _ = ops.shape(waits_for)
    no_node = ops.zeros((1,), "int32")

    def left(order, used):
        return ops.any(mask & (order < 0))

    def level(order, used):
        visited = ops.concatenate([ops.reshape(order, (-1,)), no_node]) >= 0
        ready = ops.all(ops.take(visited, waits_for, axis=0), -1) & mask & (order < 0)
        rank = ops.cumsum(ops.cast(ready, "int32"), 1)
        order = ops.where(ready, used[:, None] + rank - 1, order)
        return order, used + (rank[:, -1] + width - 1) // width * width

    start = (ops.full((batch, nodes), -1, "int32"), ops.zeros((batch,), "int32"))
    return ops.while_loop(left, level, start, maximum_iterations=nodes)


def visit(step, parameters, own, initial, schedule):
    """New states of all nodes, each from its own inputs and the states that it reads.

        new[i] = step(parameters, own[i], [read 1, ..., read K])
        read k = new[j] where `depends[i, k]`, else initial[j], with j = reads[i, k];
                 zero where j is -1

    The backward pass is written by hand: its loop walks the steps the other way round
    and only finds the gradients of what was read; those of `parameters` and `own` are
    taken after it, for all nodes at once. Nothing but the new states is kept for it.

    Args:
        step: Function of `(parameters, own, read)`: tuples of tensors, of which `read`
            holds float32 tensors `(rows, K, S)`, one per state. Returns a tuple of
            float32 tensors `(rows, S)`; rows must not mix, and no float tensor may come
            from elsewhere than the arguments.
        parameters: Tuple of float tensors.
        own: Tuple of float tensors `(B, N, ...)`: what does not depend on new states
            belongs here, computed for all nodes at once.
        initial: Tuple of float32 tensors `(B, N, S)`, one per state, such as h and c;
            S may differ from state to state.
        schedule: A `Schedule` of these nodes.

    Returns:
        Tuple of float32 tensors `(B, N, S)`, zero for nodes that are not visited.

    Example:

    Each node adds what its children hold; node 2 is the root of 0 and 1.

    >>> children = ops.convert_to_tensor([[[-1, -1], [-1, -1], [0, 1]]])
    >>> add = lambda parameters, own, read: (own[0] + ops.sum(read[0], 1),)
    >>> values = ops.convert_to_tensor([[[1.0], [2.0], [4.0]]])
    >>> order = schedule(children, children >= 0)
    >>> (sums,) = visit(add, (), (values,), (values * 0,), order)
    >>> [float(x) for x in sums[0, :, 0]]
    [1.0, 2.0, 7.0]
    """
    batch, nodes, _ = ops.shape(initial[0])
    count = batch * nodes
    number, inputs = len(parameters), len(parameters) + len(own)
    visited = ops.reshape(schedule.order, (-1, 1)) >= 0

    # One table per state. XLA fuses a concatenation of states with all that leads to
    # them, and computes that once for each of them, without vector instructions.
    def tables(given, new):
        # One row of zeros stands for no node, one takes what idle lanes write.
        return tuple(
            ops.concatenate([g, n, ops.zeros((2, n.shape[-1]), "float32")])
            for g, n in zip(given, new, strict=True)
        )

    def zeros(states):
        return [ops.zeros_like(s) for s in states]

    def write(tables, places, values, reduction=None):
        places = ops.reshape(places, (-1, 1))
        return tuple(
            ops.scatter_update(
                t, places, ops.reshape(v, (-1, v.shape[-1])), reduction=reduction
            )
            for t, v in zip(tables, values, strict=True)
        )

    def chunk(own, s):
        """A step's rows in the tables, their own inputs, and what they read."""
        rows = schedule.rows[s]
        # An idle lane repeats the last row, since its result is dropped.
        some = ops.minimum(rows, count - 1)
        places = ops.where(rows < count, rows + count, 2 * count + 1)
        return places, _take(own, some), ops.take(schedule.reads, some, axis=0)

    def forward(parameters, own, given):
        def advance(s, states):
            places, inputs, reads = chunk(own, s)
            new = step(parameters, inputs, _take(states, reads))
            return s + 1, write(states, places, new)

        _, states = ops.while_loop(
            lambda s, _: s < schedule.steps,
            advance,
            (ops.zeros((), "int32"), tables(given, zeros(given))),
        )
        return states

    def backward(parameters, own, states, upstream):
        def retreat(s, slopes):
            places, inputs, reads = chunk(own, s)
            d_read = vjp(
                lambda *read: step(parameters, inputs, read),
                _take(states, reads),
                _take(slopes, places),
            )
            return s - 1, write(slopes, reads, d_read, "add")

        _, slopes = ops.while_loop(
            lambda s, _: s >= 0,
            retreat,
            (schedule.steps - 1, tables(zeros(upstream), upstream)),
        )
        read = _take(states, schedule.reads)
        gradients = vjp(
            lambda *tensors: step(tensors[:number], tensors[number:], read),
            (*parameters, *own),
            tuple(ops.where(visited, s[count : 2 * count], 0.0) for s in slopes),
        )
        return (*gradients, *(s[:count] for s in slopes))

    @custom_gradient
    def run(*tensors):
        parameters, own, given = (
            tensors[:number],
            tensors[number:inputs],
            tensors[inputs:],
        )
        states = forward(parameters, own, given)
        return tuple(s[count : 2 * count] for s in states), lambda *upstream: backward(
            parameters, own, states, upstream
        )

    rows = [ops.reshape(x, (-1, *ops.shape(x)[2:])) for x in (*own, *initial)]
    parameters = [ops.convert_to_tensor(p) for p in parameters]
    new = run(*parameters, *rows)
    return tuple(ops.reshape(n, (batch, nodes, n.shape[-1])) for n in new)


def gather_nodes(x, nodes):
    """The features of other nodes of the same graph.

    Args:
        x: Tensor `(B, N, ...)`.
        nodes: Integer tensor `(B, ...)`; where it is out of range, what is read
            means nothing.

    Returns:
        Tensor of the shape of `nodes` and then the features' own.

    Example:

    >>> x = ops.convert_to_tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ops.convert_to_numpy(gather_nodes(x, [[1, 1, 0], [0, 1, 0]])).tolist()
    [[2.0, 2.0, 1.0], [3.0, 4.0, 3.0]]
    """
    batch, number, *features = ops.shape(x)
    nodes = ops.clip(ops.cast(nodes, "int32"), 0, number - 1)
    first = ops.arange(batch, dtype="int32") * number
    first = ops.reshape(first, (batch, *[1] * (len(nodes.shape) - 1)))
    return ops.take(ops.reshape(x, (batch * number, *features)), nodes + first, axis=0)


def _take(tensors, rows):
    return tuple(ops.take(x, rows, axis=0) for x in tensors)
