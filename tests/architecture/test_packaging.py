"""What setup.cfg declares is what the folders hold."""

import ast
import functools
import importlib.metadata
import re
import sys

import pytest
from architecture import project

from tfrecvis import optional

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


def names(text):
    """Distribution names of a list of requirements."""
    found = (re.match(r"[\w.-]+", line) for line in project.lines(text))
    return {match[0].lower().replace("_", "-") for match in found}


def extras():
    """Extra -> distribution names."""
    declared = project.settings()["options.extras_require"]
    return {name: names(text) for name, text in declared.items()}


def requirements():
    """Distribution names: those of every installation, and those of the extras."""
    base = names(project.settings()["options"]["install_requires"])
    return base, set().union(*extras().values())


def wrong_extras(source):
    """Calls of `optional_import` that name an extra which does not hold the library."""
    wrong = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="optional_import")):
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                module, extra = (ast.literal_eval(value) for value in values[:2])
                library = module.partition(".")[0]
                if not distributions(library) & extras().get(extra, set()):
                    wrong.append(f"line {node.lineno}: {library} of {extra}")
    return wrong


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


@pytest.mark.parametrize("module", project.modules())
def test_optional_libraries_are_of_the_extras_that_are_named(module):
    assert wrong_extras(project.modules()[module].read_text(encoding="utf-8")) == []


def test_a_wrong_extra_would_be_found():
    call = 'optional_import("matplotlib.figure", extra="{}", what="Pictures")'
    assert wrong_extras(call.format("plots")) == []
    assert wrong_extras(call.format("data")) == ["line 1: matplotlib of data"]
    assert wrong_extras(call.format("plot")) == ["line 1: matplotlib of plot"]


def test_names_of_optional_libraries_are_those_of_pip():
    known = set().union(*extras().values())
    for library, name in optional.DISTRIBUTIONS.items():
        assert [pip for pip in known if pip == name.lower()], library


def test_all_holds_every_extra_of_users_but_the_gpu():
    found = extras()
    users = set(found) - {"all", "dev", "gpu"}
    assert found["all"] == set().union(*(found[name] for name in users))
    assert found["all"] < found["dev"]


def test_libraries_loaded_with_a_module_are_in_every_installation():
    base, _ = requirements()
    backends = ("tfrecvis.ops.backend", "tfrecvis.ops.scan")
    libraries = {
        found.name.split(".")[0]
        for module in project.modules()
        for found in project.imports_of(module)
        if found.with_module and module not in backends
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
    pinned = names("\n".join(pins))
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
