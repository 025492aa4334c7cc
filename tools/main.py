"""The command `tfrecvis`: arguments in, one sub-command run, exit status out.

Nothing but the sub-command that runs is imported: `--help` and a typing error answer at
once, `list` reads sources, and the others wait for TensorFlow.
"""

import argparse
import importlib
import os
import sys

# Sub-command -> what it does, and an example of its use.
COMMANDS = {
    "train": (
        "train a model as a recipe says",
        "tfrecvis train synthetic_reseg --output runs/scenes --epochs 5",
    ),
    "evaluate": (
        "score a model on labelled data",
        "tfrecvis evaluate camvid_reseg --data camvid --split val",
    ),
    "predict": (
        "answer to files, as files and pictures",
        "tfrecvis predict camvid_reseg street.jpg --output answers",
    ),
    "export": (
        "write files for servers and phones",
        "tfrecvis export camvid_reseg --output exported --formats saved_model",
    ),
    "demo": (
        "train, export, compare and draw, at once",
        "tfrecvis demo --output demo",
    ),
    "list": ("name the tasks, models, layers, presets and recipes", "tfrecvis list"),
    "benchmark": ("measure speed and memory", "tfrecvis benchmark layers"),
}
KEYS_HELP = (
    "The keys of a recipe, for --set: [model] has the arguments of the model in "
    "tfrecvis.models, [data] those of the reader in tfrecvis.data, and [training] "
    "those that recipe.toml in a run's directory lists."
)
MODEL_HELP = "a preset's name, a run's directory, or a .keras file"
ARTEFACT_HELP = f"{MODEL_HELP}; also a SavedModel folder, a .tflite or a .onnx file"


def build_parser(command=None):
    """Returns the argument parser of the command.

    Args:
        command: String, the sub-command whose own arguments are added; or None.

    Example:

    >>> build_parser("list").parse_args(["list"]).command
    'list'
    """
    from tfrecvis.version import __version__

    parser = argparse.ArgumentParser(
        prog="tfrecvis",
        description="Train, run and export recurrent vision models.",
        epilog=f"example: {COMMANDS['predict'][1]}",
    )
    parser.add_argument(
        "--version", action="version", version=f"tfrecvis {__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (what, example) in COMMANDS.items():
        keys = f"\n{KEYS_HELP}" if name in ("train", "evaluate") else ""
        sub = commands.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=f"example: {example}{'.' if keys else ''}{keys}",
            # `main` hands its arguments on.
            add_help=name != "benchmark",
        )
        if name == command and name != "benchmark":
            _add_shared(sub, name)
            importlib.import_module(f"tfrecvis.tools.commands.{name}").add_arguments(
                sub
            )
    return parser


def _add_shared(parser, name):
    """Arguments that several sub-commands take."""
    if name in ("evaluate", "predict"):
        parser.add_argument("model", help=ARTEFACT_HELP)
        parser.add_argument(
            "--image-size",
            type=int,
            nargs=2,
            metavar=("HEIGHT", "WIDTH"),
            help="brings photos to the scale of this size, in pixels; default: that "
            "of the images which the model was trained on",
        )
        parser.add_argument(
            "--native", action="store_true", help="leaves photos in their own size"
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="replaces outputs that exist"
        )
    if name == "export":
        parser.add_argument("model", help=MODEL_HELP)
    if name in ("train", "evaluate"):
        parser.add_argument(
            "--strict", action="store_true", help="unusable files are an error"
        )
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            dest="settings",
            metavar="TABLE.KEY=VALUE",
            help="overrides one key of the recipe, as in data.val_count=50; repeatable",
        )


def main(arguments=None):
    """Runs the command; returns its exit status.

    Args:
        arguments: List of strings, or None for those of the process.

    Returns:
        0; 1 where some of the work failed; 2 where it could not begin.
    """
    if arguments is None:
        hide_native_messages()
        arguments = sys.argv[1:]
    if arguments[:1] == ["benchmark"]:
        benchmark = importlib.import_module("tfrecvis.tools.benchmark")
        return benchmark.main(arguments[1:]) or 0
    from tfrecvis.tools.compiled import keep_compiled
    from tfrecvis.tools.errors import UserError, nearest

    named = next((word for word in arguments if word in COMMANDS), None)
    try:
        if arguments and not arguments[0].startswith("-") and named != arguments[0]:
            raise UserError(
                f"There is no command `{arguments[0]}`. "
                f"{nearest(arguments[0], list(COMMANDS))}"
            )
        check_backend()
        keep_compiled()
        options = build_parser(named).parse_args(arguments)
        command = importlib.import_module(f"tfrecvis.tools.commands.{options.command}")
        return command.run(options) or 0
    except UserError as error:
        return _fail(error, error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted.", 130)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror}.", 1)
    except ImportError as error:
        if "pip install" not in str(error):
            raise
        return _fail(error, 1)


def check_backend():
    """Refuses a KERAS_BACKEND that the package does not run on, or that is missing.

    Raises:
        UserError: see above.

    Example:

    >>> check_backend()
    """
    import importlib.util

    from tfrecvis.tools.errors import UserError

    name = os.environ.get("KERAS_BACKEND", "tensorflow")
    if name not in ("tensorflow", "jax"):
        raise UserError(
            "KERAS_BACKEND must be tensorflow, the default, or jax. Received: "
            f"{name!r}."
        )
    if importlib.util.find_spec(name) is None:
        raise UserError(
            f"KERAS_BACKEND is {name}, which is not installed here: pip install "
            f"{name}, or leave KERAS_BACKEND out."
        )


def hide_native_messages():
    """Keeps what C++ libraries write to the standard error from the terminal.

    TensorFlow, oneDNN and LiteRT greet every process there, before any log level
    counts. What Python writes is shown as ever. With TF_CPP_MIN_LOG_LEVEL=0 in the
    environment nothing is hidden.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # child processes inherit it
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    sys.stderr = os.fdopen(kept, "w", buffering=1)


def _fail(message, exit_code):
    line = " ".join(str(message).split())
    print(f"tfrecvis: error: {line}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
