"""A version appears whole or not at all."""

import errno
import importlib
import os
import signal
import subprocess
import sys

import pytest

from tfrecvis.export import export_model, parity
from tfrecvis.export.formats import tracing
from tfrecvis.export.version_directory import remove_leftovers, version_directory

MODULE = importlib.import_module("tfrecvis.export.version_directory")


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def write_one_file(signatures, traced, examples, formats, card, bundle, *rest):
    (bundle / "saved_model.pb").write_text("half")
    return {}


@pytest.fixture
def export(plain, images, tmp_path):
    def export(directory=tmp_path / "models" / "tiny", **options):
        return export_model(plain, directory, {"images": images}, **options)

    return export


@pytest.fixture
def fill(patch, monkeypatch):
    """Lets a step fail as on a full disk, and cuts short the slow ones before it."""

    def fill(step):
        if step not in ("write_saved_model", "write_frozen", "run_jobs", "_write"):
            patch("_write", write_one_file)
        if step == "run_jobs":
            patch("write_saved_model", lambda *args: None)
            monkeypatch.setattr(tracing, "write_frozen", lambda *args: None)
        if step not in ("np.savez", "_compare"):
            patch("_compare", lambda *args: None)
        if step == "write_frozen":
            monkeypatch.setattr(tracing, step, full_disk)
        elif step == "np.savez":
            monkeypatch.setattr(parity.np, "savez", full_disk)
        elif step in ("fsync", "rename"):
            monkeypatch.setattr(MODULE.os, step, full_disk)
        else:
            patch(step, full_disk)

    return fill


@pytest.mark.parametrize(
    "step",
    [
        "write_saved_model",
        "write_frozen",
        "run_jobs",
        "np.savez",
        "write_report",
        "fsync",
        "rename",
    ],
)
@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_nothing(export, tmp_path, fill, step):
    fill(step)
    with pytest.raises(OSError, match="No space left on device"):
        export(formats=["litert"] if step in ("write_frozen", "run_jobs") else None)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 64 kB, which a SavedModel does not fit on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this container may not mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    "format_name", ["saved_model", pytest.param("litert", marks=pytest.mark.slow)]
)
def test_a_disk_that_is_really_full_is_an_os_error_and_leaves_nothing(
    export, tiny_disk, format_name
):
    (tiny_disk / "other").write_bytes(b"x" * 20_000)
    with pytest.raises(OSError, match="(?i)no space left") as caught:
        export(tiny_disk / "tiny", formats=[format_name])
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tiny_disk.iterdir()] == ["other"]


def test_a_directory_that_cannot_be_made_is_an_os_error(export, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        export(tmp_path / "file" / "models" / "tiny")
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(OSError, match="name too long"):
        export(tmp_path / "new" / ("x" * 300))
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_that_may_not_be_written_is_an_os_error(tmp_path):
    if os.name != "posix" or os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError), version_directory(tmp_path, 1):
        pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, SystemExit])
def test_nothing_stays_after_any_exception(tmp_path, error):
    with (
        pytest.raises(error),
        version_directory(tmp_path / "a" / "b", 1) as (bundle, scratch),
    ):
        (bundle / "half").write_text("written")
        (scratch / "half").write_text("written")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_another_error_on_a_disk_with_room_stays_what_it_is(tmp_path):
    with pytest.raises(ZeroDivisionError), version_directory(tmp_path, 1):
        raise ZeroDivisionError


def test_other_versions_are_left_as_they_are(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(RuntimeError), version_directory(tmp_path, 2):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_version_that_appears_meanwhile_is_not_replaced(tmp_path):
    with (
        pytest.raises(FileExistsError, match="appeared during the export"),
        version_directory(tmp_path, 2) as (bundle, _),
    ):
        (bundle / "file").write_text("mine")
        (tmp_path / "2").mkdir()
    assert list((tmp_path / "2").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["2"]


def test_the_version_is_not_there_before_it_is_whole(tmp_path):
    with version_directory(tmp_path, 2) as (bundle, _):
        (bundle / "file").write_text("mine")
        visible = [path.name for path in tmp_path.iterdir() if path.name.isdigit()]
        assert visible == []
    assert (tmp_path / "2" / "file").read_text() == "mine"


# The module is loaded by its path, so that the process needs no TensorFlow.
EXPORTING = """
import importlib.util, sys, time

spec = importlib.util.spec_from_file_location("version_directory", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with module.version_directory(sys.argv[2], sys.argv[3]) as (bundle, scratch):
    (bundle / "half").write_text("written")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def start(tmp_path):
    """Starts exports in processes of their own, which end with the test."""
    processes = []

    def start(version):
        process = subprocess.Popen(
            [sys.executable, "-c", EXPORTING, MODULE.__file__, tmp_path, str(version)],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "writing\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_killed_export_is_cleared_away_by_the_next_one_and_a_living_one_is_not(
    start, tmp_path
):
    killed, _ = start(1), start(2)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    hidden = sorted(path.name[:11] for path in tmp_path.iterdir())
    assert hidden == [".1-partial-", ".2-partial-"]
    with version_directory(tmp_path, 3) as (bundle, _):
        (bundle / "file").write_text("whole")
    names = sorted(path.name[:11] for path in tmp_path.iterdir())
    assert names == [".2-partial-", "3"]
    (living,) = tmp_path.glob(".2-partial-*")
    assert (living / "bundle" / "half").read_text() == "written"


def test_an_interrupted_export_clears_away_after_itself(start, tmp_path):
    process = start(1)
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    assert list(tmp_path.iterdir()) == []


def test_hidden_folders_of_others_stay(tmp_path):
    (tmp_path / ".1-partial-notes").mkdir()
    (tmp_path / ".git").mkdir()
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".1-partial-notes", ".git"]
