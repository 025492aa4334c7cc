"""Steps and launches of hand-made modules, and of scans that XLA compiled."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.ops import scan
from tfrecvis.tools.benchmark.functions import layer_functions
from tfrecvis.tools.benchmark.modules import Counts, count_launches

PARTS = """HloModule made_by_hand

%under (state: (s32[], f32[4])) -> pred[] {
  %state = (s32[], f32[4]{0}) parameter(0)
  %i = s32[] get-tuple-element(%state), index=0
  %limit = s32[] constant(7)
  ROOT %less = pred[] compare(%i, %limit), direction=LT
}

%body (state: (s32[], f32[4])) -> (s32[], f32[4]) {
  %state = (s32[], f32[4]{0}) parameter(0)
  %i = s32[] get-tuple-element(%state), index=0
  %x = f32[4]{0} get-tuple-element(%state), index=1
  %next = s32[] fusion(%i), kind=kLoop, calls=%anything
  %y = f32[4]{0} negate(%x)
  ROOT %both = (s32[], f32[4]{0}) tuple(%next, %y)
}

%outer (state: (s32[], f32[4])) -> (s32[], f32[4]) {
  %state = (s32[], f32[4]{0}) parameter(0)
  %inner = (s32[], f32[4]{0}) while(%state), condition=%under, body=%body
  ROOT %same = (s32[], f32[4]{0}) copy(%inner)
}

ENTRY %main (state: (s32[], f32[4])) -> (s32[], f32[4]) {
  %state = (s32[], f32[4]{0}) parameter(0)
"""
LOOP = "  %{} = (s32[], f32[4]{{0}}) while(%{}), condition=%under, body=%{}\n"
NOTED = ', backend_config={"known_trip_count":{"n":"3"}}\n'


def counts(*loops):
    """Of a module with loops of `(name, operand, body)`."""
    return count_launches(PARTS + "".join(LOOP.format(*loop) for loop in loops) + "}\n")


def test_loop_is_counted_by_its_condition():
    assert counts(("a", "state", "body")) == Counts(steps=7, launches=2)


def test_noted_number_of_iterations_goes_first():
    loop = LOOP.format("a", "state", "body").rstrip("\n") + NOTED
    assert count_launches(PARTS + loop + "}\n").steps == 3


def test_loops_that_read_each_other_wait():
    assert counts(("a", "state", "body"), ("b", "a", "body")).steps == 14


def test_loops_side_by_side_do_not_wait():
    assert counts(("a", "state", "body"), ("b", "state", "body")).steps == 7


def test_loop_in_a_loop_is_counted_as_often_as_it_runs():
    assert counts(("a", "state", "outer")) == Counts(steps=49, launches=7 * 2 + 1)


def test_loop_whose_end_is_data_has_no_number():
    text = PARTS.replace("constant(7)", "get-tuple-element(%state), index=1")
    text += LOOP.format("a", "state", "body") + "}\n"
    assert count_launches(text) == Counts(steps=None, launches=2)


def test_loop_that_goes_as_often_as_the_one_before():
    text = PARTS.replace("constant(7)", "get-tuple-element(%state), index=1")
    first = LOOP.format("a", "state", "body").rstrip("\n") + NOTED
    count = "  %count = s32[] get-tuple-element(%a), index=0\n"
    again = "  %again = (s32[], s32[]) tuple(%a, %count)\n"
    text += first + count + again + LOOP.format("b", "again", "body") + "}\n"
    assert count_launches(text).steps == 3 + 3


def test_module_without_a_loop_is_one_step():
    head, main = PARTS.split("%under")[0], "ENTRY" + PARTS.split("ENTRY")[1]
    twice = "  %x = s32[] fusion(%state)\n  ROOT %y = s32[] copy(%x)\n}\n"
    assert count_launches(head + main + twice) == Counts(steps=1, launches=2)


def test_text_that_is_no_module_is_refused():
    with pytest.raises(ValueError, match="ENTRY computation"):
        count_launches("module {}")


class Sums(keras.layers.Layer):
    """Two running sums, the second one of the first one, and one beside them."""

    def call(self, x):
        def step(carry, xs):
            total = keras.ops.tanh(carry[0] + xs[0])
            return (total,), (total,)

        def sums(x):
            return scan(step, (x[0],), (x,), (x[0],))[1][0]

        return sums(sums(x)) + sums(-x)


def test_compiled_scans_have_the_steps_of_the_longest_chain():
    x = {"x": np.ones((40, 8), "float32")}
    forward, training = layer_functions(Sums(), x, jit_compile=True)
    assert count_launches(forward.module()).steps == 2 * 40
    # Forwards, and the other way round.
    assert count_launches(training.module()).steps == 4 * 40
    assert 1 <= count_launches(forward.module()).launches <= 6


def test_loop_that_ends_as_the_data_say_is_not_guessed_when_compiled():
    @tf.function(jit_compile=True)
    def halve(x):
        return tf.while_loop(lambda x: tf.reduce_sum(x) > 1, lambda x: [x / 2], [x])

    text = halve.experimental_get_compiler_ir(tf.ones(4))(stage="optimized_hlo")
    assert count_launches(text).steps is None
