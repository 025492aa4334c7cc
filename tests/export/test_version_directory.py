"""A version appears whole or not at all."""

import errno
import os
import subprocess

import pytest

from tfrecvis.export import export_model
from tfrecvis.export.versioned import versioned_directory


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "writer",
    [
        "bundle.write_saved_model",
        "bundle.graph.write_frozen",
        "bundle.run_jobs",
        "parity.np.save",
        "bundle.write_report",
        "versioned.os.fsync",
        "versioned.os.rename",
    ],
)
def test_a_disk_that_fills_up_leaves_nothing(
    plain_model, images, tmp_path, monkeypatch, writer
):
    # The slow steps before the one that fails are cut short.
    monkeypatch.setattr("tfrecvis.export.bundle._convert", lambda *args: None)
    if writer == "bundle.run_jobs":
        monkeypatch.undo()
    if not writer.startswith("parity"):
        monkeypatch.setattr("tfrecvis.export.bundle._compare", lambda *args: None)
    if writer != "bundle.graph.write_frozen":
        monkeypatch.setattr(
            "tfrecvis.export.bundle.graph.write_frozen", lambda *args: None
        )
    if writer in ("bundle.write_report", "versioned.os.rename"):
        monkeypatch.setattr("tfrecvis.export.bundle._write", write_one_file)
    monkeypatch.setattr(f"tfrecvis.export.{writer}", full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        export_model(plain_model, tmp_path / "models" / "tiny", images)
    assert list(tmp_path.iterdir()) == []


def write_one_file(model, formats, from_logits, image_size, bundle, scratch):
    (bundle / "saved_model.pb").write_text("half")
    return {}


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


@pytest.mark.parametrize("format_name", ["saved_model", "litert"])
def test_a_disk_that_is_really_full_leaves_nothing(
    plain_model, images, tiny_disk, format_name
):
    (tiny_disk / "other").write_bytes(b"x" * 20_000)
    with pytest.raises(Exception, match="(?i)no space left"):
        export_model(plain_model, tiny_disk / "tiny", images, formats=[format_name])
    assert [path.name for path in tiny_disk.iterdir()] == ["other"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, SystemExit])
def test_nothing_stays_after_any_exception(tmp_path, error):
    with (
        pytest.raises(error),
        versioned_directory(tmp_path / "a" / "b", 1) as (bundle, scratch),
    ):
        (bundle / "half").write_text("written")
        (scratch / "half").write_text("written")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_other_versions_are_left_alone(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(RuntimeError), versioned_directory(tmp_path, 2):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_version_that_appears_meanwhile_is_not_replaced(tmp_path):
    with (
        pytest.raises(FileExistsError, match="appeared during the export"),
        versioned_directory(tmp_path, 2) as (bundle, _),
    ):
        (bundle / "file").write_text("mine")
        (tmp_path / "2").mkdir()
    assert list((tmp_path / "2").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["2"]


def test_the_version_is_not_there_before_it_is_whole(tmp_path):
    with versioned_directory(tmp_path, 2) as (bundle, _):
        (bundle / "file").write_text("mine")
        visible = [path.name for path in tmp_path.iterdir() if path.name.isdigit()]
        assert visible == []
    assert (tmp_path / "2" / "file").read_text() == "mine"
