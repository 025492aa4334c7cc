"""What a traced function is made of."""


def operators(function, name):
    """How many operators of a concrete function, loop bodies too, are so called."""
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return sum(name in node.op for node in nodes)
