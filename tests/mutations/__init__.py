"""Do the tests notice wrong code? `python -m mutations`, in `tests/`, asks them."""

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "design" / "tests.md"
START = "<!-- the rest is written by `python -m mutations`, in tests/ -->"
