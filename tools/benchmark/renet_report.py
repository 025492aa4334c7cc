"""ReNet's speed, memory, compile time and the package's import time."""

import json
import os
import statistics
import subprocess
import sys

PARTS = ("speed", "memory", "compile", "import")
MEMORY_STEPS = (56, 112, 224)
COMPILE_STEPS = (28, 224)


def measure(part, rounds):
    """One of `PARTS`, as a dict or list that JSON can hold."""
    return {
        "speed": lambda: _speed(rounds),
        "memory": _memory,
        "compile": _compile,
        "import": lambda: _import(rounds),
    }[part]()


def _speed(rounds):
    from tfrecvis.tools.benchmark.renet import CASES, contenders
    from tfrecvis.tools.benchmark.timing import race

    rows = []
    for case in CASES:
        functions = {}
        for mode, jit_compile in (("graph", False), ("xla", True)):
            for (name, passes), function in contenders(case, jit_compile).items():
                functions[mode, name, passes] = function
        for passes in ("forward", "training"):
            racing = {k: f for k, f in functions.items() if k[2] == passes}
            row = {
                "shape": dict(
                    zip(
                        ("batch", "height", "width", "channels", "units"),
                        case,
                        strict=True,
                    )
                ),
                "pass": passes,
                "times": {
                    f"{name} {mode}": result
                    for (mode, name, _), result in race(racing, rounds).items()
                },
            }
            row["ratio_to_better_keras"] = _ratio(row["times"], "keras")
            row["ratio_to_better_matrix_products"] = _ratio(
                row["times"], "matrix_products"
            )
            rows.append(row)
    return rows


def _ratio(times, peer):
    def best(name):
        return min(times[f"{name} {mode}"]["median_ms"] for mode in ("graph", "xla"))

    return round(best("tfrecvis") / best(peer), 3)


def _memory():
    peaks = {
        name: {
            str(steps): run_probe("memory", name, steps)["peak_mib"]
            for steps in MEMORY_STEPS
        }
        for name in ("tfrecvis", "keras")
    }
    ratios = {
        steps: round(peaks["tfrecvis"][steps] / peaks["keras"][steps], 3)
        for steps in peaks["keras"]
    }
    return {"peak_mib": peaks, "ratio_to_keras": ratios}


def _compile():
    seconds = {
        name: {
            str(steps): statistics.median(
                run_probe("compile_time", name, steps)["compile_s"] for _ in range(3)
            )
            for steps in COMPILE_STEPS
        }
        for name in ("tfrecvis", "keras")
    }
    short, long = map(str, COMPILE_STEPS)
    return {
        "seconds": seconds,
        "ratio_long_to_short": {
            name: round(value[long] / value[short], 3)
            for name, value in seconds.items()
        },
    }


def _import(rounds):
    # Turns, so that a noisy moment hits both.
    times = {"keras": [], "tfrecvis": []}
    for _ in range(min(rounds, 7)):
        for name, values in times.items():
            values.append(run_probe("import_time", name)["import_s"])
    seconds = {name: statistics.median(values) for name, values in times.items()}
    ratio = round(seconds["tfrecvis"] / seconds["keras"], 3)
    return {"seconds": seconds, "ratio_to_keras": ratio}


def run_probe(*arguments):
    """Runs `probe` in a fresh process; returns what it prints.

    Args:
        arguments: What it measures, and of what.

    Example:

    >>> run_probe("import_time", "json")["import_s"] >= 0
    True
    """
    script = os.path.join(os.path.dirname(__file__), "probe.py")
    result = subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise RuntimeError(
            f"The probe {arguments} failed with status {result.returncode}:\n"
            f"{result.stderr[-2000:]}"
        )
    return json.loads(result.stdout.splitlines()[-1])


def table(report):
    """The report as text."""
    lines = []
    for row in report.get("speed", ()):
        s = row["shape"]
        lines.append(
            f"\n{row['pass']}, batch {s['batch']}, {s['height']}x{s['width']}, "
            f"{s['channels']} -> {s['units']} units"
        )
        for name, result in row["times"].items():
            lines.append(
                f"  {name:24} {result['median_ms']:9.1f} ms  "
                f"(quartiles {result['spread_ms']:.1f} apart)"
            )
        lines.append(
            f"  tfrecvis / better Keras mode {row['ratio_to_better_keras']:.2f}, "
            f"/ matrix products {row['ratio_to_better_matrix_products']:.2f}"
        )
    for part in ("memory", "compile", "import"):
        if part in report:
            lines.append(f"\n{part}: {json.dumps(report[part])}")
    return "\n".join(lines)
