"""The report that stands beside the artefacts: `report.json` and `report.md`."""

import json
import os
import platform
from importlib import metadata
from pathlib import Path

from tfrecvis.models.signature import FORMATS
from tfrecvis.version import __version__

_LIBRARIES = (
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "tf2onnx",
    "onnxruntime",
    "numpy",
)

# How a program comes from the tokens of captions to words.
_WORDS = [
    "",
    "## Words",
    "",
    "A token is a place in the list `words` of model.json, which is inside every "
    "artefact. 0 is padding, 1 the unknown word, 2 the start and 3 the end of a "
    "sentence. A SavedModel has it as assets/model.json; a LiteRT file is a zip "
    "archive, too, that holds it; an ONNX file has it in its metadata. In Python, for "
    "tokens `(batch, steps)`:",
    "",
    "```python",
    "import json, pathlib, zipfile",
    'card = pathlib.Path("assets/model.json").read_text(encoding="utf-8")',
    '# of LiteRT: zipfile.ZipFile("model_float32.tflite").read("model.json")',
    '# of ONNX: session.get_modelmeta().custom_metadata_map["model.json"]',
    'words = json.loads(card)["words"]',
    'captions = [" ".join(words[t] for t in row if t) for row in tokens]',
    "```",
]


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


def describe_signatures(signatures, artefacts, examples):
    """Returns what each signature takes and gives, and how each artefact is called.

    Args:
        signatures: List of `tfrecvis.models.Signature`.
        artefacts: Dict of name to `(path, bytes, names of its signatures)`.
        examples: Dict of a signature's name to a dict of its inputs.
    """
    described = []
    for signature in signatures:
        inputs = {name: _words(spec) for name, spec in signature.inputs.items()}
        outputs = {name: _words(spec) for name, spec in signature.outputs.items()}
        calls = {}
        for name, (path, _, names) in artefacts.items():
            if signature.name in names:  # of a format's files the first will do
                format_name = next(kind for kind in FORMATS if name.startswith(kind))
                calls.setdefault(format_name, example_calls(path, signature))
        fixed = {
            name: list(value.shape[1:])
            for name, value in examples[signature.name].items()
        }
        described.append(
            {
                "name": signature.name,
                "inputs": inputs,
                "outputs": outputs,
                "litert_sizes": fixed if "litert" in calls else None,
                "calls": calls,
                "notes": _notes(signature, calls),
            }
        )
    return described


def example_calls(path, signature):
    """Returns three lines of Python that call an artefact, for the report.

    Args:
        path: Path of the artefact, a folder or a file.
        signature: A `tfrecvis.models.Signature`.
    """
    inputs = list(signature.inputs)
    arguments = ", ".join(f"{key}={key}" for key in inputs)
    if path.suffix == "":
        tensors = ", ".join(f"{key}=tf.constant({key})" for key in inputs)
        return [
            "import tensorflow as tf",
            'model = tf.saved_model.load("this folder")',
            f'answer = model.signatures["{signature.name}"]({tensors})',
        ]
    if path.suffix == ".onnx":
        feed = ", ".join(f'"{key}": {key}' for key in inputs)
        return [
            "import onnxruntime",
            f'session = onnxruntime.InferenceSession("{path.name}")',
            f"answer = session.run(None, {{{feed}}})",
        ]
    return [
        "from ai_edge_litert.interpreter import Interpreter",
        f'run = Interpreter("{path.name}").get_signature_runner("{signature.name}")',
        f"answer = run({arguments})",
    ]


def _words(spec):
    what = f": {spec.what}" if spec.what else ""
    return f"{spec.dtype} ({', '.join(map(str, spec.axes))}){what}"


def _notes(signature, calls):
    notes = []
    images = [name for name, spec in signature.inputs.items() if spec.image]
    if images:
        notes.append(
            f"{' and '.join(images)}: pixels 0-255, RGB where there are three "
            "channels, turned as the EXIF orientation says; the model rescales them."
        )
        if "litert" in calls:
            notes.append(
                "LiteRT files take one size: resize photos to it by bilinear "
                "interpolation, and bring the answer back to the photo's size."
            )
    if any(name.endswith("_bytes") for name in signature.inputs):
        notes.append(
            "Encoded JPEG, PNG, BMP or GIF of one size per batch; the graph turns "
            "photos as their EXIF orientation says."
        )
    return notes


def markdown(report):
    """Returns a report as a Markdown page.

    Args:
        report: Dict that `export_model` makes.
    """
    card = report["card"]
    counts = ", ".join(
        f"{name} on {shapes}"
        for name, shapes in (
            (name, " and ".join(_size(shape) for shape in inputs.values()))
            for name, inputs in report["examples"].items()
        )
    )
    lines = [
        f"# {report['model']}, version {report['version']}",
        "",
        *([card["description"], ""] if card.get("description") else []),
        f"{report['parameters']} parameters. Every artefact ran on the same examples "
        f"({counts}), in its own runtime, on {report['machine']['cores']} cores "
        f"({report['machine']['processor']}).",
        "",
        "| artefact | signature | file | bytes | ms per entry | largest difference "
        "| tolerance | mean difference | equal decisions |",
        "| --- " * 9 + "|",
    ]
    for name, milliseconds in report["keras_milliseconds"].items():
        lines.append(f"| Keras model | {name} | | | {milliseconds:.1f} | | | | |")
    for artefact, entry in report["artefacts"].items():
        for name, measured in entry["signatures"].items():
            lines.append(
                f"| {artefact} | {name} | {entry['file']} | {entry['bytes']} "
                f"| {_format(measured['milliseconds'], '.1f')} "
                f"| {_format(measured['largest_difference'], '.2e')} "
                f"| {measured['tolerance']:g} "
                f"| {_format(measured['mean_difference'], '.2e')} "
                f"| {_format(measured['agreement'], '.4%')} |"
            )
    lines += [
        "",
        "Differences are from the Keras model in float32 on the CPU. Milliseconds are "
        "the median of five calls with one entry, after one that warms up; LiteRT ran "
        "on its default number of threads.",
    ]
    if card.get("image_size"):
        height, width = card["image_size"]
        lines += [
            "",
            f"The model was trained on images of {height}x{width} pixels (height, "
            "width). Bring photos to about as many pixels before they are sent, and "
            "the answer back to the photo's size: at another scale it is worse.",
        ]
    for signature in report["signatures"]:
        lines += _signature_lines(signature)
    if card.get("class_names"):
        lines += ["", "## Labels", "", "| label | class |", "| --- | --- |"]
        lines += [f"| {i} | {name} |" for i, name in enumerate(card["class_names"])]
    if card.get("words"):
        lines += _WORDS
    used = ", ".join(f"{k} {v}" for k, v in report["versions"].items() if v)
    lines += ["", f"Made with {used}."]
    return "\n".join(lines) + "\n"


def _signature_lines(signature):
    lines = ["", f"## {signature['name']}", "", "| tensor | axes |", "| --- | --- |"]
    lines += [
        f"| takes {name} | {text} |" for name, text in signature["inputs"].items()
    ]
    lines += [
        f"| gives {name} | {text} |" for name, text in signature["outputs"].items()
    ]
    if signature["litert_sizes"]:
        sizes = ", ".join(
            f"{name} {_size(size)}" for name, size in signature["litert_sizes"].items()
        )
        lines += ["", f"In the LiteRT files, per entry of the batch: {sizes}."]
    lines += [line for note in signature["notes"] for line in ("", note)]
    for name, calls in signature["calls"].items():
        lines += ["", f"{name}:", "", "```python", *calls, "```"]
    return lines


def _size(shape):
    return "x".join(map(str, shape)) or "one value"


def _format(value, form):
    return "-" if value is None else format(value, form)


def write_report(report, directory):
    """Writes `report.json` and `report.md` into a folder."""
    directory = Path(directory)
    (directory / "report.json").write_text(
        json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (directory / "report.md").write_text(markdown(report), encoding="utf-8")
