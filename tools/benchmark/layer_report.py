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
        `ratios`: how many times as long as ours each peer takes, mode by mode.

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
    return {
        peer: {
            mode: round(medians[peer, mode] / medians["tfrecvis", mode], 2)
            for mode in MODES
        }
        for peer in PEERS
        if any(contender == peer for contender, _ in medians)
    }


def table(rows):
    """The rows as a Markdown table; what peers take is in times of ours, XLA / graph.

    Example:

    >>> times = {f"tfrecvis {mode}": {"median_ms": 2.0} for mode in ("xla", "graph")}
    >>> ratios = {"matrix products": {"xla": 0.5}, "keras": {"xla": 2.0, "graph": 3.0}}
    >>> row = {"case": "A", "pass": "forward", "steps": 4, "times": times,
    ...        "ratios": ratios}
    >>> print(table([row]).splitlines()[-1])
    | A | forward | 4 | 500 | 2.0 | 2.0 | 0.5 | - | 2.0 / 3.0 |
    """
    lines = [
        "| layer | pass | steps | us per step, XLA | ms, XLA | ms, graph "
        "| matrix products | one by one | Keras |",
        "| --- " * 9 + "|",
    ]
    for row in rows:
        ours = [
            row["times"].get(f"tfrecvis {mode}", {}).get("median_ms")
            for mode in ("xla", "graph")
        ]
        cells = [
            row["case"],
            row["pass"],
            str(row["steps"]),
            f"{1000 * ours[0] / row['steps']:.0f}",
            *("-" if ms is None else f"{ms:.1f}" for ms in ours),
            *(
                " / ".join(f"{r:.1f}" for r in row["ratios"].get(peer, {}).values())
                or "-"
                for peer in PEERS
            ),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
