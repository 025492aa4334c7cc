"""The report that stands beside the artefacts: `report.json` and `report.md`."""

import json
import os
import platform
from importlib import metadata
from pathlib import Path

from tfrecvis.version import __version__

_LIBRARIES = (
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "tf2onnx",
    "onnxruntime",
    "numpy",
)


def size_in_bytes(path):
    """Returns the size of a file, or of all files below a folder.

    Example:

    >>> size_in_bytes("/nowhere/at/all")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'
    """
    path = Path(path)
    if not path.is_dir():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def versions():
    """Returns the versions of the libraries that took part.

    Example:

    >>> "tensorflow" in versions()
    True
    """
    found = {"tfrecvis": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def machine():
    """Returns what the milliseconds were measured on.

    Example:

    >>> sorted(machine())
    ['cores', 'processor', 'system']
    """
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
    }


def markdown(report):
    """Returns a report as a Markdown page.

    Args:
        report: Dict that `export_model` makes.
    """
    images = report["images"]
    lines = [
        f"# {report['model']}, version {report['version']}",
        "",
        f"{report['parameters']} parameters, {report['num_classes']} classes. Every "
        f"artefact ran on the same {images['count']} images of "
        f"{images['height']}x{images['width']} pixels, in its own runtime, on "
        f"{report['machine']['cores']} cores ({report['machine']['processor']}).",
        "",
        "| artefact | file | bytes | ms an image | largest difference | tolerance "
        "| mean difference | equal labels |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        f"| Keras model | | | {report['keras_milliseconds']:.1f} | | | | |",
    ]
    for name, entry in report["artefacts"].items():
        lines.append(
            f"| {name} | {entry['file']} | {entry['bytes']} "
            f"| {_format(entry['milliseconds'], '.1f')} "
            f"| {_format(entry['largest_difference'], '.2e')} "
            f"| {entry['tolerance']:g} "
            f"| {_format(entry['mean_difference'], '.2e')} "
            f"| {_format(entry['agreement'], '.4%')} |"
        )
    lines += [
        "",
        "Differences are of probabilities, from the Keras model in float32 on the CPU. "
        "Milliseconds are the median of five calls with one image, after one that "
        "warms up; LiteRT ran on its default number of threads.",
        "",
        "| signature or file | takes | gives |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {entry['name']} | {entry['takes']} | {entry['gives']} |"
        for entry in report["interfaces"]
    ]
    if report["class_names"]:
        lines += ["", "| label | class |", "| --- | --- |"]
        lines += [f"| {i} | {name} |" for i, name in enumerate(report["class_names"])]
    used = ", ".join(f"{k} {v}" for k, v in report["versions"].items() if v)
    lines += ["", f"Made with {used}."]
    return "\n".join(lines) + "\n"


def _format(value, form):
    return "-" if value is None else format(value, form)


def write_report(report, directory):
    """Writes `report.json` and `report.md` into a folder."""
    directory = Path(directory)
    (directory / "report.json").write_text(
        json.dumps(report, indent=2) + "\n", encoding="utf-8"
    )
    (directory / "report.md").write_text(markdown(report), encoding="utf-8")
