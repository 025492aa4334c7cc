"""Fair timing on a shared machine: contenders take turns, medians are compared."""

import statistics
import time


def race(contenders, rounds):
    """Time functions in turns, so that a noisy moment hits all of them.

    Args:
        contenders: Dict from a name to a function without arguments that returns when
            its work is done.
        rounds: Integer, timed calls of each, after a first one that is no part of the
            medians.

    Returns:
        Dict from the name to `{"median_ms", "spread_ms", "rounds", "processor_ms",
        "first_call_s"}`: the spread is the distance between the quartiles,
        `processor_ms` the median of what all cores spent together, and `first_call_s`
        what they spent in the first call, in which a function may be compiled.

    Example:

    >>> sorted(race({"nothing": lambda: None}, rounds=3)["nothing"])
    ['first_call_s', 'median_ms', 'processor_ms', 'rounds', 'spread_ms']
    """
    first = {name: first_call(run) for name, run in contenders.items()}
    times = {name: [] for name in contenders}
    spent = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start, busy = time.perf_counter(), time.process_time()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
            spent[name].append(1e3 * (time.process_time() - busy))
    return {
        name: {
            **summarise(values),
            "processor_ms": round(statistics.median(spent[name]), 2),
            "first_call_s": first[name],
        }
        for name, values in times.items()
    }


def first_call(run):
    """Processor seconds of one call, of all cores together.

    Example:

    >>> first_call(lambda: None)
    0.0
    """
    busy = time.process_time()
    run()
    return round(time.process_time() - busy, 2)


def summarise(values):
    """Median and distance between the quartiles, rounded to 0.01 ms.

    Example:

    >>> summarise([1.0, 2.0, 3.0])
    {'median_ms': 2.0, 'spread_ms': 2.0, 'rounds': 3}
    """
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {
        "median_ms": round(statistics.median(values), 2),
        "spread_ms": round(high - low, 2),
        "rounds": len(values),
    }
