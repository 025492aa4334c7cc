"""Every layer's speed beside its matrix products, its cell one by one, and Keras."""

import keras

from tfrecvis.tools.benchmark.cases import CASES
from tfrecvis.tools.benchmark.functions import layer_functions
from tfrecvis.tools.benchmark.modules import count_launches
from tfrecvis.tools.benchmark.products import Product, product_functions
from tfrecvis.tools.benchmark.timing import first_call, race

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
        `ratios`: how many times as long as ours each peer takes, mode by mode;
        `counted_steps` and `launches`, by `count_launches` of ours under XLA; and of
        training steps `first_call_s`: by contender, processor seconds of the first call
        under XLA at half the size and at the whole, each in a function of its own.

    Example:

    >>> [row["pass"] for row in measure("MaskedConv2D 28x28", rounds=1)]
    ['forward', 'training']
    """
    case = CASES[name]
    inputs = case.inputs()
    functions = {}
    for mode, jit_compile in MODES.items():
        pairs = {
            **_layers(case, inputs, jit_compile),
            "matrix products": product_functions(case.products, jit_compile),
        }
        for contender, pair in pairs.items():
            for passes, function in zip(PASSES, pair, strict=True):
                functions[contender, mode, passes] = function
    first_calls = _first_calls(case, inputs)
    rows = []
    for passes in PASSES:
        racing = {key[:2]: f for key, f in functions.items() if key[2] == passes}
        times = race(racing, rounds)
        medians = {key: result["median_ms"] for key, result in times.items()}
        counts = count_launches(functions["tfrecvis", "xla", passes].module())
        row = {
            "case": name,
            "pass": passes,
            "steps": case.steps(inputs),
            "counted_steps": counts.steps,
            "launches": counts.launches,
            "times": {" ".join(key): result for key, result in times.items()},
            "ratios": _ratios(medians),
        }
        if passes == "training":
            row["first_call_s"] = {
                contender: [half, times[contender, "xla"]["first_call_s"]]
                for contender, half in first_calls.items()
            }
        rows.append(row)
    return rows


def _layers(case, inputs, jit_compile):
    """`(forward, training)` of ours and of the peers that are layers."""
    found = {"tfrecvis": layer_functions(case.layer(), inputs, jit_compile)}
    if case.one_by_one is not None:
        found["one by one"] = layer_functions(
            case.one_by_one(), inputs, jit_compile, case.tracing
        )
    if case.keras is not None:
        given = case.keras_inputs(inputs)
        found["keras"] = layer_functions(case.keras(), given, jit_compile)
    return found


def _first_calls(case, inputs):
    """Processor seconds of the first training step at half the size, by contender."""
    # The first function of a process pays for the compiler's own start.
    product_functions([Product(1, 1, 1)], True)[0]()
    pairs = _layers(case, case.half(inputs), True)
    return {contender: first_call(pair[1]) for contender, pair in pairs.items()}


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
    >>> row = {"case": "A", "pass": "training", "steps": 4, "counted_steps": 8,
    ...        "launches": 9, "times": times, "ratios": ratios,
    ...        "first_call_s": {"tfrecvis": [1.5, 2.0]}}
    >>> print(table([row]).splitlines()[-1])
    | A | training | 4 | 8 | 9 | 500 | 2.0 | 2.0 | 0.5 | - | 2.0 / 3.0 | 1.5 / 2.0 | - |
    """
    lines = [
        "| layer | pass | steps | counted | launches per step | us per step, XLA "
        "| ms, XLA | ms, graph | matrix products | one by one | Keras "
        "| first call, half / whole size: processor s | Keras' first call |",
        "| --- " * 13 + "|",
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
            *(
                "-" if row[count] is None else str(row[count])
                for count in ("counted_steps", "launches")
            ),
            f"{1000 * ours[0] / row['steps']:.0f}",
            *("-" if ms is None else f"{ms:.1f}" for ms in ours),
            *(_slashed(row["ratios"].get(peer, {}).values()) for peer in PEERS),
            *(
                _slashed(row.get("first_call_s", {}).get(contender, ()))
                for contender in ("tfrecvis", "keras")
            ),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _slashed(values):
    return " / ".join(f"{value:.1f}" for value in values) or "-"
