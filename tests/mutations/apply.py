"""A copy of the repository, a wrong line in it, and the first test that fails."""

import contextlib
import io
import os
import shutil
import sys
from pathlib import Path

import pytest
from architecture import project


def copy_repository(folder):
    """A copy whose rooms Python finds before those of the installation."""
    for path in project.files():
        target = folder / path.relative_to(project.ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for name, room in project.package_folders().items():
        place = folder.joinpath(*name.split("."))
        if not place.exists():
            place.symlink_to(folder / room.relative_to(project.ROOT))
    return folder


class FirstFailure:
    """A plugin of pytest that keeps the name of the first test that fails."""

    name = None

    def pytest_runtest_logreport(self, report):
        if report.failed and self.name is None:
            self.name = report.nodeid.split("[")[0].removeprefix("tests/")

    pytest_collectreport = pytest_runtest_logreport


def first_failure(mutation, copies):
    """The first test that fails on a mutation, or None; in a process of its own."""
    folder = copies.get()
    file = folder / mutation.file
    text = file.read_text("utf-8")
    assert text.count(mutation.old) == 1, f"{mutation.what}: not once in its file"
    file.write_text(text.replace(mutation.old, mutation.new), "utf-8")
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    plugin = FirstFailure()
    tests = [f"tests/{name}" for name in mutation.tests.split()]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            pytest.main(["-qx", "-m", "not slow", *tests], [plugin])
        import tfrecvis

        assert Path(tfrecvis.__file__).is_relative_to(folder)
    finally:
        file.write_text(text, "utf-8")
        copies.put(folder)
    return plugin.name
