"""What a traced function is made of."""

import re

import tensorflow as tf


def operators(function, name):
    """How many operators of a concrete function, loop bodies too, are so called."""
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return sum(name in node.op for node in nodes)


def operators_in_loops(function, name):
    """How many operators on floats in its loops' bodies are so called."""
    graph = function.graph.as_graph_def()
    functions = graph.library.function
    bodies = [f for f in functions if re.match(r".*while.*_body_", f.signature.name)]
    floats = tf.float32.as_datatype_enum, tf.float16.as_datatype_enum
    return sum(
        n.op == name and n.attr["T"].type in floats for f in bodies for n in f.node_def
    )
