"""What setup.cfg declares is what the folders hold."""

import functools
import importlib.metadata
import re
import sys

import pytest
from architecture import project

FOLDERS = project.package_folders()


def found_packages(folders):
    """Every folder with an `__init__.py`, under its dotted name."""
    return {
        ".".join([package, *init.parent.relative_to(folder).parts]): init.parent
        for package, folder in folders.items()
        for init in folder.rglob("__init__.py")
    }


def package_data():
    declared = project.settings()["options.package_data"]
    return {name: project.lines(globs) for name, globs in declared.items()}


def requirements():
    """Distribution names: those of every installation, and those of the extras."""
    parser = project.settings()

    def names(text):
        found = (re.match(r"[\w.-]+", line) for line in project.lines(text))
        return {match[0].lower() for match in found}

    extras = parser["options.extras_require"].values()
    base = names(parser["options"]["install_requires"])
    return base, set().union(*map(names, extras))


@functools.cache
def installed():
    return importlib.metadata.packages_distributions()


def distributions(library):
    """Names of the distributions that hold an importable library."""
    found = installed().get(library, [library])
    return {name.lower().replace("_", "-") for name in found}


def test_every_folder_with_an_init_file_is_declared():
    declared = project.lines(project.settings()["options"]["packages"])
    assert declared == sorted(found_packages(FOLDERS))


def test_an_undeclared_folder_would_be_found(tmp_path):
    inner = tmp_path / "models" / "captioning"
    inner.mkdir(parents=True)
    (inner / "__init__.py").touch()
    found = found_packages({"tfrecvis.models": tmp_path / "models"})
    assert found == {"tfrecvis.models.captioning": inner}


@pytest.mark.parametrize(
    ("package", "pattern"),
    [(name, glob) for name, globs in package_data().items() for glob in globs],
)
def test_every_package_data_pattern_matches_a_file(package, pattern):
    folder = found_packages(FOLDERS)[package]
    assert [path for path in folder.glob(pattern) if path.is_file()]


def test_every_file_of_a_room_is_shipped():
    packages = found_packages(FOLDERS)
    shipped = {
        path
        for name, globs in package_data().items()
        for glob in globs
        for path in packages[name].glob(glob)
    }
    inside = [
        path
        for path in project.files()
        if any(path.is_relative_to(folder) for folder in FOLDERS.values())
    ]
    assert [p for p in inside if p.suffix != ".py" and p not in shipped] == []
    assert [
        p for p in inside if p.suffix == ".py" and p.parent not in packages.values()
    ] == []


def test_every_imported_library_is_required():
    base, extras = requirements()
    missing = set()
    for module in project.modules():
        for found in project.imports_of(module):
            library = found.name.split(".")[0]
            if library in sys.stdlib_module_names or library == "tfrecvis":
                continue
            if not distributions(library) & (base | extras):
                missing.add(f"{module}, line {found.line}: {library}")
    assert missing == set()


def test_libraries_loaded_with_a_module_are_in_every_installation():
    base, _ = requirements()
    libraries = {
        found.name.split(".")[0]
        for module in project.modules()
        for found in project.imports_of(module)
        if found.with_module and module != "tfrecvis.ops.scan"
    }
    outside = libraries - set(sys.stdlib_module_names) - {"tfrecvis"}
    assert [name for name in outside if not distributions(name) & base] == []


def test_every_requirement_has_a_lower_bound_and_no_exact_version():
    parser = project.settings()
    texts = [
        parser["options"]["install_requires"],
        *parser["options.extras_require"].values(),
    ]
    for line in project.lines("\n".join(texts)):
        assert re.fullmatch(r"[\w-]+(\[[\w-]+\])?>=[\d.]+", line), line


def test_every_requirement_is_in_the_constraints_file():
    base, extras = requirements()
    text = (project.ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    for line in pins:
        assert re.fullmatch(r"[\w.-]+==[\w.]+", line), line
    pinned = {line.split("==")[0].lower() for line in pins}
    assert (base | extras) - pinned == set()


def test_the_command_points_at_a_function():
    (entry,) = project.lines(
        project.settings()["options.entry_points"]["console_scripts"]
    )
    (command,) = importlib.metadata.entry_points(
        group="console_scripts", name="tfrecvis"
    )
    assert entry.replace(" ", "") == f"tfrecvis={command.value}"
    assert callable(command.load())
