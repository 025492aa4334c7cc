"""`tfrecvis predict`: answers to files, as files and pictures, with the model only."""

import sys
from collections import Counter
from pathlib import Path

from tfrecvis.tools.arrays import check_arrays
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import (
    check_directory,
    check_found,
    check_new,
    first_line,
    write_json,
)
from tfrecvis.tools.loading import load
from tfrecvis.tools.photos import Scale, answer
from tfrecvis.tools.progress import progress
from tfrecvis.tools.video import VIDEO_SUFFIXES, Video, video_writer


def add_arguments(parser):
    """Adds the arguments of the sub-command."""
    parser.add_argument("inputs", nargs="+", help="files, or folders of files")
    parser.add_argument("--output", required=True, help="directory for the answers")
    parser.add_argument(
        "--video",
        type=float,
        metavar="RATE",
        help="the images of each folder, in the order of their names, become one video "
        "of so many frames per second",
    )


def run(options):
    """Runs the sub-command; returns 1 where files could not be read."""
    scale = Scale(options.image_size, options.native)
    output = check_directory(options.output)
    check_found(options.inputs)
    loaded = load(options.model)
    task = loaded.task
    inputs, folders = options.inputs, []
    if options.video is not None:
        folders = [Path(name) for name in inputs if Path(name).is_dir()]
        inputs = [name for name in inputs if not Path(name).is_dir()]
        check_video(options.video, folders)
    jobs = stems(task.find_inputs(inputs), output)
    jobs += [(folder, output / folder.resolve().name) for folder in folders]
    videos = [file for file, _ in jobs if is_video(file)]
    if task.whole_videos and options.video is None:
        videos = []
    elif videos:
        _check_task(task)
    written = {
        stem: task.video_files if file in videos else task.files for file, stem in jobs
    }
    if not options.overwrite:
        check_new(
            stem.with_name(stem.name + end)
            for stem, endings in written.items()
            for end in endings
        )
    broken = 0
    for file, stem in progress(jobs, "predicting", len(jobs)):
        try:
            if file in videos:
                text = _answer_video(loaded, file, stem, scale, options.video)
                print(f"{file}: {text}")
                continue
            batch = task.read_input(file)
            check_arrays(task.inputs(batch), loaded.predictor, task.made_inputs)
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
        endings = sorted({f"*{end}" for ends in written.values() for end in ends})
        endings = " and ".join(endings)
        print(f"Written: {endings} in {output}")
    return 1 if broken else 0


def is_video(file):
    """Whether an input is answered as one video: a video file, or a folder of frames.

    Example:

    >>> is_video(Path("street.MP4")), is_video(Path("street.jpg"))
    (True, False)
    """
    return file.suffix.lower() in VIDEO_SUFFIXES or file.is_dir()


def check_video(rate, folders):
    """Refuses a rate of frames that is none, or that no folder is named for.

    Example:

    >>> check_video(25, [Path("frames")])
    """
    if not 0 < rate <= 1000:
        raise UserError(
            f"--video is a number of frames per second, above 0. Received: {rate:g}."
        )
    if not folders:
        raise UserError(
            "--video makes videos of folders of frames, and no folder is named. A "
            "video file is answered as a video without it."
        )


def _check_task(task):
    if not getattr(task, "video_files", ()):
        raise UserError(
            "The model's task does not answer videos as --video does. Leave it out."
            if task.whole_videos
            else "The model's task does not answer videos. Give it images."
        )


def _answer_video(loaded, file, stem, scale, rate):
    """Writes the frames with their answers as one video; returns what to print."""
    task = loaded.task
    if file.is_dir():
        frames = (task.read_input(frame) for frame, _ in task.find_inputs([file]))
    else:
        video = Video(file)
        rate = video.rate
        frames = ({"image": frame[None]} for frame in video)
    stem.parent.mkdir(parents=True, exist_ok=True)
    listed, count = [], 0
    with video_writer(stem.with_name(f"{stem.name}.mp4"), rate) as write:
        for batch in frames:
            check_arrays(task.inputs(batch), loaded.predictor, task.made_inputs)
            given = answer(task, loaded.predictor, batch, scale)
            write(task.frame(batch, given))
            if ".json" in task.video_files:
                listed += task.listing(batch, given, count)
            count += 1
    if ".json" in task.video_files:
        write_json(stem.with_name(f"{stem.name}.json"), listed)
    return f"{count} frames at {rate:g} per second"


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
