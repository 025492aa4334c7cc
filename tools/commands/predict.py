"""`tfrecvis predict`: answers to files, as files and pictures, with the model only."""

import sys
from collections import Counter

from tfrecvis.tools.arrays import check_arrays
from tfrecvis.tools.files import check_directory, check_new, first_line
from tfrecvis.tools.loading import load
from tfrecvis.tools.photos import Scale, answer
from tfrecvis.tools.progress import progress


def add_arguments(parser):
    """Adds the arguments of the sub-command."""
    parser.add_argument("inputs", nargs="+", help="files, or folders of files")
    parser.add_argument("--output", required=True, help="directory for the answers")


def run(options):
    """Runs the sub-command; returns 1 where files could not be read."""
    scale = Scale(options.image_size, options.native)
    loaded = load(options.model)
    task = loaded.task
    output = check_directory(options.output)
    jobs = stems(task.find_inputs(options.inputs), output)
    if not options.overwrite:
        check_new(
            [stem.with_name(stem.name + end) for _, stem in jobs for end in task.files]
        )
    broken = 0
    for file, stem in progress(jobs, "predicting", len(jobs)):
        try:
            batch = task.read_input(file)
            check_arrays(task.inputs(batch), loaded.predictor)
            given = answer(task, loaded.predictor, batch, scale)
        except ValueError as error:
            broken += 1
            print(f"{file}: {first_line(error, 500)}; left out", file=sys.stderr)
            continue
        stem.parent.mkdir(parents=True, exist_ok=True)
        text = task.write(batch, given, stem)
        if text is not None:
            print(f"{file}: {text}")
    done = len(jobs) - broken
    print(f"{done} files answered, {broken} could not be read.")
    if done:
        endings = " and ".join(f"*{end}" for end in task.files)
        print(f"Written: {endings} in {output}")
    return 1 if broken else 0


def stems(inputs, directory):
    """Returns for each input its file and what the names of its outputs begin with.

    Files that differ only in their ending keep it in the name.

    Args:
        inputs: List of (path, relative path), as `Task.find_inputs` returns it.
        directory: Path.

    Example:

    >>> from pathlib import Path
    >>> files = [(Path("in", name), Path(name)) for name in ("a.jpg", "a.png", "b.png")]
    >>> [stem.name for _, stem in stems(files, Path("out"))]
    ['a_jpg', 'a_png', 'b']
    """
    inputs = list(dict.fromkeys(inputs))
    owners = Counter(relative.with_suffix("") for _, relative in inputs)
    jobs, taken = [], Counter()
    for file, relative in inputs:
        stem = relative.with_suffix("")
        if owners[stem] > 1:
            stem = stem.with_name(f"{stem.name}_{relative.suffix[1:]}")
        taken[stem] += 1
        if taken[stem] > 1:  # files of the same name in several of the named folders
            stem = stem.with_name(f"{stem.name}_{taken[stem]}")
        jobs.append((file, directory / stem))
    return jobs
