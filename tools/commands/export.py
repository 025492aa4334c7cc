"""`tfrecvis export`: one versioned directory for servers and phones."""

from pathlib import Path

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import check_directory
from tfrecvis.tools.loading import load, portable
from tfrecvis.tools.progress import status
from tfrecvis.tools.tables import text_table

FORMATS = ("saved_model", "litert", "onnx")


def add_arguments(parser):
    """Adds the arguments of the sub-command."""
    parser.add_argument("--output", required=True, help="directory of the versions")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        help="default: all whose libraries are installed",
    )
    parser.add_argument("--version", type=int, default=1, help="default: 1")
    parser.add_argument(
        "--examples",
        "--images",
        metavar="PATH",
        help="file or folder of inputs on which the artefacts are compared",
    )
    parser.add_argument(
        "--image-size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="of the LiteRT files, in pixels; default: the model's own",
    )


def run(options):
    """Runs the sub-command."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "Exports need Keras on TensorFlow; KERAS_BACKEND names "
            f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow."
        )
    check_directory(options.output)
    size = tuple(options.image_size or ()) or None
    if size and min(size) < 1:
        raise UserError(f"--image-size must be positive. Received: {size}.")
    loaded = load(options.model)
    if loaded.signatures is None:
        raise UserError(
            f"Exporting takes a preset, a run's directory or a .keras file. "
            f"{options.model} is none of them."
        )
    own = loaded.task.card.get("image_size")
    examples = loaded.task.examples(options.examples, size or own or (96, 96))
    report = export(loaded, options.output, examples, options.version, options.formats)
    print(parity_table(report))
    print(f"Written: {Path(options.output, str(options.version))}")


def export(loaded, directory, examples, version, formats=None):
    """Exports a Keras model with its card inside every artefact.

    Args:
        loaded: A `Loaded` of a Keras model.
        directory: Path of the directory of all versions.
        examples: Dict of inputs to compare on.
        version: Integer.
        formats: List of strings, or None; see `tfrecvis.export.export_model`.

    Returns:
        Dict, the report.

    Raises:
        UserError: the version exists, the disk is full, or an artefact does not
            compute what the model computes.
    """
    import tensorflow as tf

    from tfrecvis.export import ExportError, export_model
    from tfrecvis.export.formats import available

    for name in FORMATS if formats is None else ():
        missing = available.missing_libraries(name)
        if missing:
            print(
                f"{name} is left out: {' and '.join(missing)} is not installed. "
                f"Install it: pip install 'tfrecvis[{name}]'"
            )
    try:
        with status("exporting") as say:
            return export_model(
                loaded.signatures,
                directory,
                examples,
                version=version,
                formats=formats,
                card=portable(loaded.task.card),
                progress=say,
            )
    except (ValueError, ImportError) as error:
        raise UserError(str(error)) from error
    except (ExportError, OSError, tf.errors.OpError) as error:
        raise UserError(str(error), exit_code=1) from error


def parity_table(report):
    """Returns the report's artefacts as text, a line for each signature of each."""

    def number(value, form):
        return "-" if value is None else format(value, form)

    rows = []
    for artefact, entry in report["artefacts"].items():
        for name, measured in entry["signatures"].items():
            rows.append(
                [
                    artefact,
                    name,
                    number(measured["largest_difference"], ".1e"),
                    number(measured["agreement"], ".4f"),
                    f"{entry['bytes'] / 1024:.0f}",
                    f"{measured['milliseconds']:.1f}",
                ]
            )
    columns = ["artefact", "signature", "difference", "agreement", "KiB", "ms"]
    return (
        f"{text_table(columns, rows)}\n"
        "difference: the largest to the Keras model; agreement: share of equal "
        "decisions;\nms: median of one entry"
    )
