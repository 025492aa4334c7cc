"""Do the tests notice wrong code? `python -m mutations`, in `tests/`, asks them."""

from pathlib import Path

from mutations import of_layers, of_ops, of_other_rooms, of_tools

MUTATIONS = [
    *of_ops.MUTATIONS,
    *of_layers.MUTATIONS,
    *of_other_rooms.MUTATIONS,
    *of_tools.MUTATIONS,
]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "design" / "tests.md"
START = "<!-- the rest is written by `python -m mutations`, in tests/ -->"
