"""The command `tfrecvis`: arguments in, one sub-command run, exit status out.

Only the sub-command that runs is imported: `tfrecvis --help` waits for Keras, which
the package itself imports, but for no reader, converter or drawing.
"""

import argparse
import importlib
import os
import sys
import tempfile

MODEL_HELP = "a preset's name, a run's directory, or a .keras file"
ARTEFACT_HELP = f"{MODEL_HELP}; also a SavedModel folder, a .tflite or a .onnx file"


def build_parser():
    """Returns the argument parser of the command.

    Example:

    >>> build_parser().parse_args(["list"]).command
    'list'
    """
    parser = argparse.ArgumentParser(
        prog="tfrecvis",
        description="Train, run and export recurrent vision models.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a model as a recipe says")
    train.add_argument("recipe", help="a recipe's name (see `tfrecvis list`) or file")
    train.add_argument(
        "--output", required=True, help="the run's directory; an unfinished run goes on"
    )
    train.add_argument("--data", metavar="PATH", help="sets data.path of the recipe")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="TABLE.KEY=VALUE",
        help="overrides one key of the recipe, as in training.epochs=3; repeatable",
    )
    train.add_argument(
        "--strict", action="store_true", help="unusable files of the data are an error"
    )

    evaluate = commands.add_parser("evaluate", help="score a model on labelled data")
    evaluate.add_argument("model", help=ARTEFACT_HELP)
    evaluate.add_argument(
        "--data", metavar="PATH", help="folder of images and label maps"
    )
    evaluate.add_argument("--split", default="val", help="default: val")
    evaluate.add_argument(
        "--ignore",
        type=int,
        nargs="*",
        default=None,
        metavar="LABEL",
        help="label values that do not count; default: those of the model's recipe",
    )
    evaluate.add_argument("--output", help="directory; default: evaluation")
    evaluate.add_argument(
        "--strict", action="store_true", help="unusable files of the data are an error"
    )

    predict = commands.add_parser("predict", help="label the pixels of images")
    predict.add_argument("model", help=ARTEFACT_HELP)
    predict.add_argument("inputs", nargs="+", help="images or folders of images")
    predict.add_argument("--output", required=True, help="directory for the pictures")
    predict.add_argument(
        "--overwrite", action="store_true", help="replace outputs that exist"
    )

    export = commands.add_parser("export", help="write files for servers and phones")
    export.add_argument("model", help=MODEL_HELP)
    export.add_argument("--output", required=True, help="directory of the versions")
    export.add_argument(
        "--formats",
        nargs="+",
        choices=("saved_model", "litert", "onnx"),
        default=["saved_model", "litert", "onnx"],
        help="default: all",
    )
    export.add_argument("--version", type=int, default=1, help="default: 1")
    export.add_argument(
        "--image-size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="of the LiteRT files, in pixels; default: the model's",
    )
    export.add_argument(
        "--images",
        metavar="PATH",
        help="folder of images on which the artefacts are compared",
    )

    demo = commands.add_parser("demo", help="train, export, compare and draw, at once")
    demo.add_argument("--output", default="demo", help="directory; default: demo")

    commands.add_parser("list", help="name the models, layers, presets and recipes")

    # It parses its own arguments: see `main`.
    commands.add_parser("benchmark", help="measure speed and memory", add_help=False)
    return parser


def main(arguments=None):
    """Runs the command; returns its exit status.

    Args:
        arguments: List of strings, or None for those of the process.

    Returns:
        0; 1 where some of the work failed; 2 where it could not begin.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == ["benchmark"]:
        benchmark = importlib.import_module("tfrecvis.tools.benchmark")
        return benchmark.main(arguments[1:]) or 0
    options = build_parser().parse_args(arguments)
    from tfrecvis.tools.errors import UserError

    try:
        if options.command != "list":
            import_tensorflow_quietly()
        command = importlib.import_module(f"tfrecvis.tools.{options.command}")
        return command.run(options) or 0
    except UserError as error:
        return _fail(error, error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted.", 130)


def import_tensorflow_quietly():
    """Imports TensorFlow without the C++ messages that greet every process.

    They go to the file descriptor before any log level counts. What was written is
    shown after all when the import fails, or when TF_CPP_MIN_LOG_LEVEL is set to 0.
    """
    if "tensorflow" in sys.modules or os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # child processes inherit it
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()  # looks for GPUs, and says so
        except BaseException:
            messages.seek(0)
            os.write(kept, messages.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _fail(message, exit_code):
    line = " ".join(str(message).split())
    print(f"tfrecvis: error: {line}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
