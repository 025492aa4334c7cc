import pytest
from architecture import project

from mutations import MUTATIONS, PAGE


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_mutation_still_fits_the_code_and_stands_on_its_page(mutation):
    text = (project.ROOT / mutation.file).read_text("utf-8")
    assert text.count(mutation.old) == 1, "its line has changed: rewrite the mutation"
    for name in mutation.tests.split():
        assert (project.ROOT / "tests" / name).is_file()
    row = f"| {mutation.what} | `{mutation.file}` |"
    assert row in PAGE.read_text("utf-8"), "run `python -m mutations` in tests/"


def test_every_mutation_on_the_page_was_caught():
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if "| `" in line]
    assert len(rows) == len(MUTATIONS)
    assert not [row for row in rows if row.endswith("| nothing |")]
