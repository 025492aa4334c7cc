"""Applies every mutation to a copy of the repository and asks the fast tests.

python -m mutations           (in tests/) writes the table of docs/design/tests.md
python -m mutations --list 3  runs the fourth only; the other rows stay as they are
"""

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from mutations import MUTATIONS, PAGE, START
from mutations.apply import copy_repository, first_failure

WORKERS = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", type=int, nargs="+", help="numbers, from 0")
    numbers = parser.parse_args().list
    chosen = MUTATIONS if numbers is None else [MUTATIONS[n] for n in numbers]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["keras", "mutations.apply", "tensorflow"])
    with TemporaryDirectory() as scratch, context.Manager() as manager:
        copies = manager.Queue()
        for number in range(WORKERS):
            copies.put(copy_repository(Path(scratch).resolve() / str(number)))
        with ProcessPoolExecutor(WORKERS, context, max_tasks_per_child=1) as pool:
            caught = {}
            tasks = pool.map(first_failure, chosen, [copies] * len(chosen))
            for mutation, test in zip(chosen, tasks, strict=True):
                print(f"{mutation.what}: {test or 'NOT CAUGHT'}", flush=True)
                caught[mutation] = test
            if tests := {test for test in caught.values() if test}:
                same = chosen[0]._replace(new=chosen[0].old, tests=" ".join(tests))
                broken = pool.submit(first_failure, same, copies).result()
                if broken:
                    sys.exit(f"{broken} fails on the right code, too.")
    write_page(caught)
    sys.exit(None in caught.values())


def write_page(caught):
    """Writes the rows of the mutations that were run; the others stay, where known."""
    head, start, table = PAGE.read_text("utf-8").partition(START)
    lines = ["| mutation | in | caught by |", "| --- | --- | --- |"]
    for mutation in MUTATIONS:
        row = f"| {mutation.what} | `{mutation.file}` |"
        known = [line for line in table.splitlines() if line.startswith(row)]
        if caught.get(mutation):
            file, *_, name = caught[mutation].split("::")
            known = [f"{row} `{file}`: {name} |"]
        elif mutation in caught or not known:
            known = [f"{row} nothing |"]
        lines += known
    PAGE.write_text(f"{head}{start}\n\n" + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
