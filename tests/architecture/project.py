"""What the architecture tests read: setup.cfg, the rooms, modules and imports."""

import ast
import configparser
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Each room and the rooms it may import, besides itself. Imports flow one way:
# ops <- layers <- models <- export <- tools.
MAY_IMPORT = {
    "ops": set(),
    "layers": {"ops"},
    "losses": {"ops"},
    "metrics": {"ops"},
    "optimizers": {"ops"},
    "data": {"ops"},
    "models": {"ops", "layers", "losses", "metrics", "data"},
    "export": {"ops", "layers", "losses", "metrics", "data", "models"},
    "tools": {
        *("ops", "layers", "losses", "metrics", "optimizers"),
        *("data", "models", "export"),
    },
}


def settings():
    """setup.cfg, as setuptools reads it."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(text):
    return [line for line in text.splitlines() if line]


def package_folders():
    """`package_dir` of setup.cfg: package name -> folder."""
    pairs = lines(settings()["options"]["package_dir"])
    return {
        name.strip(): ROOT / folder.strip()
        for name, folder in (pair.split("=") for pair in pairs)
    }


def modules():
    """Every module of the package: dotted name -> file."""
    found = {}
    for package, folder in package_folders().items():
        for file in sorted(folder.rglob("*.py")):
            parts = [package, *file.relative_to(folder).with_suffix("").parts]
            if parts[-1] == "__init__":
                parts.pop()
            found[".".join(parts)] = file
    return found


def files():
    """Every file that git tracks or would track, but not those deleted since."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return [path for path in paths if path.is_file()]


def room(name):
    """The room of a dotted name; None for `tfrecvis` itself and other packages."""
    parts = name.split(".")
    if parts[0] == "tfrecvis" and len(parts) > 1 and parts[1] in MAY_IMPORT:
        return parts[1]
    return None


@dataclass(frozen=True)
class Import:
    """One imported name, and whether it is imported together with its module."""

    name: str
    line: int
    with_module: bool


def imports(module, source, is_package=False):
    """Every import of a module's source.

    Sees `import a.b`, `from a import b`, relative imports, `import_module("a.b")`,
    `optional_import("a.b", ...)`, and `tfrecvis.room` used after a bare
    `import tfrecvis`.
    """
    package = module if is_package else module.rpartition(".")[0]
    found = []

    def absolute(node):
        if not node.level:
            return node.module
        base = package.split(".")[: len(package.split(".")) - node.level + 1]
        return ".".join([*base, *([node.module] if node.module else [])])

    def visit(node, with_module):
        names = []
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom():
                names = [f"{absolute(node)}.{alias.name}" for alias in node.names]
            case ast.Attribute(value=ast.Name(id="tfrecvis")):
                names = [f"tfrecvis.{node.attr}"]
            case ast.Call(
                func=ast.Name(id="import_module" | "optional_import")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str() as name), *_],
            ):
                names = [name]
        found.extend(Import(name, node.lineno, with_module) for name in names)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, with_module and not inside)

    visit(ast.parse(source), True)
    return found


def imports_of(module):
    file = modules()[module]
    source = file.read_text(encoding="utf-8")
    return imports(module, source, is_package=file.name == "__init__.py")
