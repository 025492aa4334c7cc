"""`tfrecvis benchmark`: speed, memory and compile time, as ratios within one run."""

import argparse
import json
import os

from tfrecvis.tools.benchmark.renet_report import PARTS

__all__ = ["main"]


def main(arguments=None):
    """Runs the benchmark; returns the exit status.

    Args:
        arguments: List of strings, or None for those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="tfrecvis benchmark",
        description="Measure ReNet beside four keras.layers.LSTM sweeps and the bare "
        "matrix products of the same shapes; or every layer beside its matrix "
        "products, its cell one pixel or node at a time, and the nearest Keras layer; "
        "or the operators of detectors beside TensorFlow's own, and detectors beside "
        "the same graph without its head; or captioners, whose search is in the graph, "
        "beside a search in Python.",
        epilog="example: tfrecvis benchmark layers --only RowLSTM",
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("renet", "layers", "detection", "captioning"),
        default="renet",
        help="default: renet",
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        help="what to measure of ReNet; default: all",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="WORD",
        help="of layers, operators or models, those whose name holds one of these "
        "words; default: all",
    )
    parser.add_argument(
        "--rounds", type=int, help="timed calls of each; default: 15, of others 5"
    )
    parser.add_argument(
        "--output", default="benchmark.json", help="default: benchmark.json"
    )
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds must be at least 1. Received: {options.rounds}.")
    if options.what != "renet" and options.parts:
        parser.error(
            f"--parts is for ReNet: leave it out, or leave out `{options.what}`."
        )
    if options.what == "renet" and options.only:
        parser.error("--only is for layers: tfrecvis benchmark layers --only WORD.")
    if os.path.exists(options.output):
        parser.error(f"{options.output} exists. Name another with --output.")
    folder = os.path.dirname(os.path.abspath(options.output))
    if not os.access(folder, os.W_OK):
        parser.error(f"{options.output} cannot be written: {folder} is no such folder.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if options.what == "renet":
        return _renet(options)
    return _race(options, parser)


def _renet(options):
    from tfrecvis.tools.benchmark.machine import describe_machine
    from tfrecvis.tools.benchmark.renet_report import measure, table

    report = {"machine": describe_machine()}
    for part in options.parts or PARTS:
        print(f"measuring {part} ...", flush=True)
        report[part] = measure(part, options.rounds or 15)
        _write(report, options.output)  # a later part that fails loses nothing
    print(table(report))
    print(f"wrote {options.output}")
    return 0


def _race(options, parser):
    from tfrecvis.tools.benchmark.machine import describe_machine

    if options.what == "layers":
        from tfrecvis.tools.benchmark import cases, layer_report

        parts = {"layers": (cases.CASES, layer_report.measure, layer_report.table)}
    elif options.what == "captioning":
        from tfrecvis.tools.benchmark import captioners

        parts = {
            "captioners": (captioners.CAPTIONERS, captioners.measure, captioners.table)
        }
    else:
        parts = _parts_of_detection()
    words = [word.lower() for word in options.only or [""]]
    chosen = {
        part: [name for name in cases if any(word in name.lower() for word in words)]
        for part, (cases, _, _) in parts.items()
    }
    if not any(chosen.values()):
        known = [name for cases, _, _ in parts.values() for name in cases]
        parser.error(f"No case holds one of {options.only}. There are: {known}.")
    report, tables = {"machine": describe_machine()}, []
    for part, (_, measure, table) in parts.items():
        for name in chosen[part]:
            print(f"measuring {name} ...", flush=True)
            rows = report.setdefault(part, [])
            rows += measure(name, options.rounds or 5)
            _write(report, options.output)  # a later case that fails loses nothing
        if chosen[part]:
            tables.append(table(report[part]))
    print("\n\n".join(tables))
    print(f"wrote {options.output}")
    return 0


def _parts_of_detection():
    from tfrecvis.tools.benchmark import detection, detectors
    from tfrecvis.tools.benchmark.renet_report import run_probe

    def measure_operator(name, rounds):
        return detection.measure(name, rounds, lambda *a: run_probe("detection", *a))

    return {
        "detection": (detection.CASES, measure_operator, detection.table),
        "detectors": (detectors.DETECTORS, detectors.measure, detectors.table),
    }


def _write(report, path):
    partial = f"{path}.partial"
    with open(partial, "w") as file:
        json.dump(report, file, indent=1)
    os.replace(partial, path)
