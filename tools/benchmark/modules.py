"""What XLA made of a function: steps that wait for each other, and launches in a step.

Both are read from the text of an optimised module (HLO).
"""

import math
import re
from typing import NamedTuple

# What costs no launch: names for memory, and calls whose contents are counted.
FREE = {
    "after-all",
    "bitcast",
    "call",
    "conditional",
    "constant",
    "get-tuple-element",
    "opt-barrier",
    "parameter",
    "tuple",
    "while",
}
# All that the condition of a loop that counts may hold.
COMPARISON = {
    "and",
    "bitcast",
    "compare",
    "constant",
    "fusion",
    "get-tuple-element",
    "parameter",
}
HEAD = re.compile(r"^(ENTRY )?%?([\w.-]+) \(.*\{$")
LINE = re.compile(r"^\s+(?:ROOT )?%?([\w.-]+) = .*? ([a-z][a-z0-9-]*)\((.*)$")
NAME = re.compile(r"%([\w.-]+)")


class Counts(NamedTuple):
    """What `count_launches` found.

    Fields:
        steps: Integer, iterations that wait for each other; 1 where there is no loop,
            None where a number of iterations is only known when the loop runs.
        launches: Integer, launches in one iteration of the loop that has the most;
            those of the whole module where there is no loop; None where a loop inside
            of a loop hides them.
    """

    steps: int | None
    launches: int | None


class Instruction(NamedTuple):
    """One line of a computation."""

    name: str
    opcode: str
    operands: str
    attributes: str


def count_launches(text):
    """Counts the steps and launches of an optimised HLO module.

        steps = the longest chain of loops that read each other's results, each counted
                with its iterations, times those of the loops inside
        launches = instructions of a loop's body that are neither free nor a loop, plus
                   those of the loops inside times their iterations

    An instruction is a fusion, a product, a copy, or whatever else XLA left apart. On a
    GPU it is a launch, or a few; on a CPU it is one call of compiled code.

    The number of iterations is the one that XLA noted; else the smallest constant that
    a condition compares a counter with; else, as in TensorFlow's gradients of loops,
    the iterations of the loop whose counter it is compared with. Counters are taken to
    go from 0 by 1, as those of `tfrecvis.ops.scan` do.

    Args:
        text: String, what `compiler_ir` of TensorFlow or `as_text` of JAX gives.

    Returns:
        `Counts`.

    Raises:
        ValueError: `text` has no entry computation.

    Example:

    >>> text = '''HloModule m
    ... ENTRY %main (x: f32[4]) -> f32[4] {
    ...   %x = f32[4]{0} parameter(0)
    ...   ROOT %y = f32[4]{0} negate(%x)
    ... }'''
    >>> count_launches(text)
    Counts(steps=1, launches=1)
    """
    computations, entry = _parse(text)
    if entry is None:
        raise ValueError(
            "`text` must be an HLO module with an ENTRY computation. Received: "
            f"{text[:60]!r}."
        )
    steps = _chain(entry, computations)
    bodies = [
        _launches(_called(line, "body"), computations)
        for lines in computations.values()
        for line in lines
        if line.opcode == "while"
    ]
    if not bodies:
        bodies = [_launches(entry, computations)]
    launches = max(bodies)
    return Counts(
        None if math.isinf(steps) else max(1, steps),
        None if math.isinf(launches) else launches,
    )


def _parse(text):
    """Instructions by the computation's name, and the name of the entry."""
    computations, entry, lines = {}, None, []
    for line in text.splitlines():
        if head := HEAD.match(line):
            lines = computations.setdefault(head[2], [])
            entry = head[2] if head[1] else entry
        elif found := LINE.match(line):
            name, opcode, rest = found.groups()
            operands, _, attributes = rest.partition(")")
            lines.append(Instruction(name, opcode, operands, attributes))
    return computations, entry


def _called(line, key):
    """The name of the computation that an attribute names."""
    return re.search(rf"\b{key}=%?([\w.-]+)", line.attributes)[1]


def _branches(line):
    """The names of a conditional's computations."""
    if found := re.search(r"branch_computations=\{([^}]*)\}", line.attributes):
        return [name.strip().lstrip("%") for name in found[1].split(",")]
    return [_called(line, f"{answer}_computation") for answer in ("true", "false")]


def _iterations(line, around, computations):
    """How often a loop runs; infinity where only the run can tell.

    `around` are the instructions of the loop's own computation by name.
    """
    if found := re.search(r'"known_trip_count":\{"n":"(\d+)"', line.attributes):
        return int(found[1])
    lines = list(computations[_called(line, "condition")])
    for fusion in [line for line in lines if line.opcode == "fusion"]:
        lines += computations[_called(fusion, "calls")]
    by_opcode = {}
    for each in lines:
        by_opcode.setdefault(each.opcode, []).append(each)
    if set(by_opcode) - COMPARISON or not all(
        "direction=LT" in each.attributes for each in by_opcode.get("compare", [])
    ):
        return math.inf
    read = sorted(map(_index, by_opcode.get("get-tuple-element", [])))
    constants = [int(each.operands) for each in by_opcode.get("constant", [])]
    if len(read) == 1 and constants:
        return min(constants)
    if len(read) == 2 and not constants:
        return _counted_before(line, read[1], around, computations)
    return math.inf


def _index(line):
    return int(re.search(r"index=(\d+)", line.attributes)[1])


def _counted_before(line, place, around, computations):
    """Iterations of the loop whose counter is at `place` of this loop's first state."""
    state = around[NAME.search(line.operands)[1]]
    if state.opcode != "tuple":
        return math.inf
    limit = around[NAME.findall(state.operands)[place]]
    if limit.opcode != "get-tuple-element" or _index(limit) != 0:
        return math.inf
    counted = around[NAME.search(limit.operands)[1]]
    while counted.opcode == "call":
        body = computations[_called(counted, "to_apply")]
        around, counted = {each.name: each for each in body}, body[-1]
    if counted.opcode != "while":
        return math.inf
    return _iterations(counted, around, computations)


def _chain(name, computations):
    """Iterations of the loops that wait for each other."""
    around = {line.name: line for line in computations[name]}
    depth = {}
    for line in computations[name]:
        before = max((depth[n] for n in NAME.findall(line.operands)), default=0)
        own = 0
        if line.opcode == "while":
            inside = max(1, _chain(_called(line, "body"), computations))
            own = _iterations(line, around, computations) * inside
        elif line.opcode == "call":
            own = _chain(_called(line, "to_apply"), computations)
        elif line.opcode == "conditional":
            own = max(_chain(branch, computations) for branch in _branches(line))
        depth[line.name] = before + own
    return max(depth.values(), default=0)


def _launches(name, computations):
    """Launches of a computation, those of its loops in each of their iterations."""
    around = {line.name: line for line in computations[name]}
    total = 0
    for line in computations[name]:
        if line.opcode == "while":
            inside = _launches(_called(line, "body"), computations)
            total += _iterations(line, around, computations) * inside if inside else 0
        elif line.opcode == "call":
            total += _launches(_called(line, "to_apply"), computations)
        elif line.opcode == "conditional":
            total += max(_launches(branch, computations) for branch in _branches(line))
        elif line.opcode not in FREE and not line.opcode.endswith("-done"):
            total += 1
    return total
