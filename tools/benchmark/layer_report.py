"""Every layer's speed beside its matrix products, its cell one by one, and Keras."""

import keras

from tfrecvis.tools.benchmark.cases import CASES
from tfrecvis.tools.benchmark.functions import layer_functions
from tfrecvis.tools.benchmark.products import product_functions
from tfrecvis.tools.benchmark.timing import race

MODES = {"xla": True, "graph": False}
if keras.backend.backend() == "jax":
    del MODES["graph"]  # JAX compiles with XLA always
PASSES = ("forward", "training")
PEERS = ("matrix products", "one by one", "keras")


def measure(name, rounds):
    """Races one case; returns a row a pass.

    Args:
        name: A key of `CASES`.
        rounds: Integer, timed calls of each contender.

    Returns:
        List of dicts: `case`, `pass`, `steps`, `times` by contender and mode, and
        `ratios`: how many times as long as ours each peer takes, better mode against
        better mode, and `xla_to_matrix_products`, ours to the products', under XLA.

    Example:

    >>> [row["pass"] for row in measure("MaskedConv2D 28x28", rounds=1)]
    ['forward', 'training']
    """
    case = CASES[name]
    inputs = case.inputs()
    functions = {}
    for mode, jit_compile in MODES.items():
        pairs = {
            "tfrecvis": layer_functions(case.layer(), inputs, jit_compile),
            "matrix products": product_functions(case.products, jit_compile),
        }
        if case.one_by_one is not None:
            pairs["one by one"] = layer_functions(
                case.one_by_one(), inputs, jit_compile, case.tracing
            )
        if case.keras is not None:
            given = case.keras_inputs(inputs)
            pairs["keras"] = layer_functions(case.keras(), given, jit_compile)
        for contender, pair in pairs.items():
            for passes, function in zip(PASSES, pair, strict=True):
                functions[contender, mode, passes] = function
    rows = []
    for passes in PASSES:
        racing = {key[:2]: f for key, f in functions.items() if key[2] == passes}
        times = race(racing, rounds)
        medians = {key: result["median_ms"] for key, result in times.items()}
        rows.append(
            {
                "case": name,
                "pass": passes,
                "steps": case.steps(inputs),
                "times": {" ".join(key): result for key, result in times.items()},
                "ratios": _ratios(medians),
            }
        )
    return rows


def _ratios(medians):
    def best(contender):
        return min(ms for key, ms in medians.items() if key[0] == contender)

    ratios = {
        peer: round(best(peer) / best("tfrecvis"), 2)
        for peer in PEERS
        if any(key[0] == peer for key in medians)
    }
    ours, products = medians["tfrecvis", "xla"], medians["matrix products", "xla"]
    ratios["xla_to_matrix_products"] = round(ours / products, 2)
    return ratios


def table(rows):
    """The rows as a Markdown table; peers in their better mode, times as long as ours.

    Example:

    >>> times = {f"tfrecvis {mode}": {"median_ms": 2.0} for mode in ("xla", "graph")}
    >>> ratios = {"matrix products": 0.5, "keras": 2.0, "xla_to_matrix_products": 2.0}
    >>> row = {"case": "A", "pass": "forward", "steps": 4, "times": times,
    ...        "ratios": ratios}
    >>> print(table([row]).splitlines()[-1])
    | A | forward | 4 | 500 | 2.0 | 2.0 | 2.00 | - | 2.0 |
    """
    lines = [
        "| layer | pass | steps | us a step, XLA | ms, XLA | ms, graph "
        "| to matrix products, XLA | one by one takes | Keras takes |",
        "| --- " * 9 + "|",
    ]
    for row in rows:
        ours = [
            row["times"].get(f"tfrecvis {mode}", {}).get("median_ms")
            for mode in ("xla", "graph")
        ]
        peers = [row["ratios"].get(peer) for peer in PEERS[1:]]
        cells = [
            row["case"],
            row["pass"],
            str(row["steps"]),
            f"{1000 * ours[0] / row['steps']:.0f}",
            *("-" if ms is None else f"{ms:.1f}" for ms in ours),
            f"{row['ratios']['xla_to_matrix_products']:.2f}",
            *("-" if peer is None else f"{peer:.1f}" for peer in peers),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
