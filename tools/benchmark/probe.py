"""One measurement in a process of its own: `python -m tfrecvis.tools.benchmark.probe`.

Peak memory and compile time belong to a process, so each contender gets a fresh one.
"""

import json
import resource
import sys
import time


def memory(contender, steps):
    """Peak resident memory of one XLA training step, in MiB.

    The image is `steps` rows high and 28 columns wide. What the process holds before
    the step is taken off.
    """
    run = _training_step(contender, (8, steps, 28, 64, 128))
    # The peak so far is the imports' and the data's; only growth past it counts.
    before = _peak_mib()
    run()
    run()
    return {"peak_mib": round(_peak_mib() - before, 1)}


def compile_time(contender, steps):
    """Seconds that the first call of an XLA training step takes over the second.

    The image is `steps` rows high and 8 columns wide: the sequence grows, the work of
    a step does not.
    """
    run = _training_step(contender, (2, steps, 8, 16, 32))
    start = time.perf_counter()
    run()
    first = time.perf_counter() - start
    start = time.perf_counter()
    run()
    return {"compile_s": round(first - (time.perf_counter() - start), 3)}


def import_time(contender):
    """Seconds that `import` takes."""
    start = time.perf_counter()
    __import__(contender)
    return {"import_s": round(time.perf_counter() - start, 3)}


def detection(case, passes, contender):
    """Peak resident memory of an operator of `tfrecvis benchmark detection`, in MiB."""
    from tfrecvis.tools.benchmark.detection import contenders

    run = contenders(case, passes)[contender]
    before = _peak_mib()
    run()
    run()
    return {"peak_mib": round(_peak_mib() - before, 1)}


def _training_step(contender, case):
    from tfrecvis.layers import ReNet
    from tfrecvis.tools.benchmark.peers import Sweeps
    from tfrecvis.tools.benchmark.renet import contender_functions

    layer = {"tfrecvis": ReNet, "keras": Sweeps}[contender](case[-1])
    _, training = contender_functions(layer, case, jit_compile=True)
    return training


def _peak_mib():
    try:
        # Of this program only; `ru_maxrss` begins at the size of the one that ran it.
        with open("/proc/self/status") as lines:
            line = next(line for line in lines if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    what, contender, *steps = sys.argv[1:]
    measure = {
        "memory": memory,
        "compile_time": compile_time,
        "import_time": import_time,
        "detection": detection,
    }[what]
    given = [int(word) if word.isdigit() else word for word in steps]
    print(json.dumps(measure(contender, *given)))
