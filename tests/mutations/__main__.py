"""Applies every mutation to a copy of the repository and asks the fast tests.

python -m mutations           (in tests/) writes the table of docs/design/tests.md
python -m mutations --list 3  runs the fourth only, and writes nothing
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
            caught = []
            tasks = pool.map(first_failure, chosen, [copies] * len(chosen))
            for mutation, test in zip(chosen, tasks, strict=True):
                print(f"{mutation.what}: {test or 'NOT CAUGHT'}", flush=True)
                caught.append(test)
    if numbers is None:
        write_page(caught)
    sys.exit(None in caught)


def write_page(caught):
    lines = ["| mutation | in | caught by |", "| --- | --- | --- |"]
    for mutation, test in zip(MUTATIONS, caught, strict=True):
        found = "nothing"
        if test is not None:
            file, *_, name = test.split("::")
            found = f"`{file}`: {name}"
        lines.append(f"| {mutation.what} | `{mutation.file}` | {found} |")
    head, start, _ = PAGE.read_text("utf-8").partition(START)
    PAGE.write_text(f"{head}{start}\n\n" + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
