"""The program of a child process: calls functions of files, one after the other.

    python -P program.py jobs.json results.json

`jobs.json` holds {"blocked": [modules], "jobs": [{"name", "file", "function",
"arguments"}]}. `results.json` is written anew before and after each job, so that the
parent knows which one crashed. Imports of blocked modules fail, as on a machine where
they are not installed.
"""

import importlib.util
import json
import sys
import traceback


class Hider:
    """A finder of modules that finds all but some of those of another finder.

    TensorFlow asks where Keras lies and lives with the answer None, but not with an
    error; so modules are hidden, as if they were not installed.
    """

    def __init__(self, finder, names):
        self.finder = finder
        self.names = names

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] in self.names:
            return None
        return self.finder.find_spec(fullname, path, target)


def load(file):
    """Imports a Python file that belongs to no package."""
    spec = importlib.util.spec_from_file_location("job", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(jobs_file, results_file):
    """Runs the jobs; returns the exit status."""
    with open(jobs_file, encoding="utf-8") as stream:
        plan = json.load(stream)
    sys.meta_path[:] = [Hider(finder, plan["blocked"]) for finder in sys.meta_path]
    results = {"running": None, "values": {}, "error": None}

    def note():
        with open(results_file, "w", encoding="utf-8") as stream:
            json.dump(results, stream)

    for job in plan["jobs"]:
        results["running"] = job["name"]
        note()
        try:
            function = getattr(load(job["file"]), job["function"])
            results["values"][job["name"]] = function(**job["arguments"])
        except Exception as error:
            traceback.print_exc()
            results["error"] = f"{type(error).__name__}: {error}"
            note()
            return 1
    results["running"] = None
    note()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
