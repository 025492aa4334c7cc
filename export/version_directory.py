"""A versioned directory that appears whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: leftovers of killed exports stay there
    fcntl = None

_ROOM = 2**16  # bytes; a disk that cannot take them is full


@contextlib.contextmanager
def version_directory(directory, version):
    """Gives a workspace, which becomes `<directory>/<version>` if all goes well.

    The workspace lies beside the version on the same disk, so that it moves in one
    step. On any exception, a full disk and Ctrl-C included, it is removed, and so are
    the parents that were made for it. What a killed export has left is removed by the
    next one.

    Args:
        directory: Folder of all versions; made if it is not there.
        version: Integer.

    Yields:
        Two paths: the folder that becomes the version, and one for scratch files.

    Raises:
        OSError: the folder cannot be made or written, or its disk is full, whatever
            error that led to.

    Example:

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with version_directory(folder, 3) as (bundle, scratch):
    ...         _ = (bundle / "weights").write_text("w")
    ...         hidden = os.listdir(folder)
    ...     print(os.listdir(folder), hidden[0].startswith(".3-partial-"))
    ['3'] True
    """
    directory = Path(directory)
    target = directory / str(version)
    made = [path for path in (directory, *directory.parents) if not path.exists()]
    done = False
    try:
        directory.mkdir(parents=True, exist_ok=True)
        remove_leftovers(directory)
        # TensorFlow Serving overlooks names that are no number.
        workspace = Path(tempfile.mkdtemp(prefix=f".{version}-partial-", dir=directory))
        try:
            with _locked(workspace / "lock"):
                bundle, scratch = workspace / "bundle", workspace / "scratch"
                bundle.mkdir()
                scratch.mkdir()
                try:
                    yield bundle, scratch
                    _flush(bundle)
                except Exception as error:
                    _refuse_full_disk(scratch, error)
                    raise
                if target.exists():  # rename would replace an empty folder
                    raise FileExistsError(f"{target} appeared during the export.")
                os.rename(bundle, target)
                done = True
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
    finally:
        if not done:
            for path in made:  # the innermost first
                with contextlib.suppress(OSError):
                    path.rmdir()


def remove_leftovers(directory):
    """Removes the workspaces of exports that were killed.

    A living export holds a lock on its workspace, which ends with the process.

    Args:
        directory: Path of the folder of all versions.
    """
    for workspace in Path(directory).glob(".*-partial-*"):
        with contextlib.suppress(OSError), open(workspace / "lock") as lock:
            if fcntl is None:
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(workspace, ignore_errors=True)


@contextlib.contextmanager
def _locked(file):
    with open(file, "w") as lock:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _refuse_full_disk(folder, error):
    # TensorFlow and the converters have errors of their own for it, or none at all.
    if isinstance(error, OSError):
        return
    try:
        (folder / "room").write_bytes(bytes(_ROOM))
    except OSError as full:
        raise full from error


def _flush(folder):
    # Some file systems report a full disk no earlier than here.
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDWR)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
