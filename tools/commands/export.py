"""`tfrecvis export`: one versioned directory for servers and phones."""

from pathlib import Path

from tfrecvis.tools.arrays import check_arrays
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import check_directory, first_line
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
    directory = check_directory(options.output)
    if options.version < 1:
        raise UserError(f"--version must be positive. Received: {options.version}.")
    if (directory / str(options.version)).exists():
        raise UserError(
            f"{directory / str(options.version)} exists, and an export never "
            f"overwrites. Pass --version {next_version(directory)}, or remove it first."
        )
    size = tuple(options.image_size or ()) or None
    if size and min(size) < 1:
        raise UserError(f"--image-size must be positive. Received: {size}.")
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "Exports need Keras on TensorFlow; KERAS_BACKEND names "
            f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow."
        )
    loaded = load(options.model)
    if loaded.signatures is None:
        raise UserError(
            f"Exporting takes a preset, a run's directory or a .keras file. "
            f"{options.model} is none of them."
        )
    own = loaded.task.card.get("image_size")
    examples = loaded.task.examples(options.examples, size or own or (96, 96))
    if options.examples:
        try:
            check_arrays(examples.get("serving_default", examples), loaded.predictor)
        except ValueError as error:
            raise UserError(f"--examples: {options.examples}: {error}.") from error
    report = export(loaded, options.output, examples, options.version, options.formats)
    print(parity_table(report))
    print(f"Written: {Path(options.output, str(options.version))}")


def export(loaded, directory, examples, version, formats=None):
    """Exports a Keras model with its card inside every artefact.

    Args:
        loaded: A `Loaded` of a Keras model.
        directory: Path of the directory of all versions.
        examples: Dict of inputs to compare on; see `Task.examples`.
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
    names = [signature.name for signature in loaded.signatures]
    if not any(name in examples for name in names):
        examples = dict.fromkeys(names, examples)
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
    except ExportError as error:
        raise UserError(_difference(error) or str(error), exit_code=1) from error
    except tf.errors.OpError as error:  # of the file system: "<file>; <what>"
        what = first_line(error).rpartition("; ")[2]
        raise UserError(f"{directory}: {what}.", exit_code=1) from error


def next_version(directory):
    """Returns the number after the highest version in a directory of exports.

    Example:

    >>> next_version(Path("there/is/no/such/directory"))
    1
    """
    if not directory.is_dir():
        return 1
    taken = [int(path.name) for path in directory.iterdir() if path.name.isdigit()]
    return max(taken, default=0) + 1


def _difference(error):
    """Which artefacts differ from the model, in words; "" for another failure."""
    problems = [
        f"{artefact}, {name}: {measured['problem']}"
        for artefact, entry in (error.report or {}).get("artefacts", {}).items()
        for name, measured in entry["signatures"].items()
        if measured["problem"]
    ]
    if not problems:
        return ""
    return (
        "Artefacts do not compute what the model computes, so nothing was written. "
        f"{'; '.join(problems)}. Pass --formats to leave them out."
    )


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
