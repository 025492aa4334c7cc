"""What a mutation is."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """A wrong line, which a fast test must catch.

    Fields:
        what: What is wrong with it.
        file: Where, from the top of the repository.
        old: A part of a line that occurs once in the file.
        new: What takes its place.
        tests: The test files to run, from `tests/`, with spaces between.
    """

    what: str
    file: str
    old: str
    new: str
    tests: str
