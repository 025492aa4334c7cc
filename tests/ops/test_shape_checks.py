import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfrecvis.ops.shape_checks import (
    check_integer_dtype,
    check_mask,
    check_shapes,
    check_states,
)


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": ("batch nodes", (2, 3)), "y": ("batch nodes nodes", (2, 3, 3))},
        {"x": ("batch nodes", (None, 3)), "y": ("batch nodes", (2, None))},
        {"x": ("batch 5", (2, 5)), "y": ("batch", None)},
        {"x": ("batch *grid features", (2, 4, 6, 3)), "y": ("batch *grid", (2, 4, 6))},
        {"x": ("batch *grid features", (2, 3)), "y": ("batch *grid", (2,))},
        {"x": ("batch steps", (2, 4)), "y": ("batch | batch steps", (2, 4))},
        {"x": ("batch steps", (2, 4)), "y": ("batch | batch steps", (2,))},
        {"x": ("batch size", (2, 4)), "size": 4},
        {"x": ("batch size", (2, 4)), "size": None},
        {"x": ("", ())},
    ],
)
def test_shapes_that_fit_pass(arguments):
    check_shapes(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"x": ("batch nodes", (2, 3)), "y": ("batch nodes nodes", (2, 3, 4))},
            "`y` must have the shape (batch, nodes, nodes), here (2, 3, 3). "
            "Received: y.shape=(2, 3, 4), x.shape=(2, 3).",
        ),
        (
            {"x": ("batch nodes", (None, 3)), "y": ("nodes batch", (4, 2))},
            "`y` must have the shape (nodes, batch), here (3, any). "
            "Received: y.shape=(4, 2), x.shape=(None, 3).",
        ),
        (
            # The size that the first did not know is that of the second.
            {
                "x": ("batch", (None,)),
                "y": ("batch", (2,)),
                "z": ("batch", (3,)),
            },
            "`z` must have the shape (batch,), here (2,). Received: z.shape=(3,),",
        ),
        (
            {"x": ("batch *grid features", (2,))},
            "`x` must have the shape (batch, *grid, features). Received: x.shape=(2,).",
        ),
        (
            {"x": ("batch *grid features", (2, 4, 6, 3)), "y": ("batch *grid", (2, 4))},
            "`y` must have the shape (batch, *grid), here (2, 4, 6). Received: "
            "y.shape=(2, 4), x.shape=(2, 4, 6, 3).",
        ),
        (
            {"x": ("batch *grid size", (2, 6, 3)), "size": 4},
            "here (any, ..., 4). Received: x.shape=(2, 6, 3), size=4.",
        ),
        (
            {"x": ("batch steps", (2, 4)), "y": ("batch | batch steps", (2, 5))},
            "(batch,) or (batch, steps), here (2,) or (2, 4). Received: y.shape=(2, 5)",
        ),
        ({"x": ("batch 5", (2, 4))}, "(batch, 5), here (any, 5). Received: x.sh"),
        (
            {"x": ("", (2,))},
            "`x` must have the shape () of a scalar. Received: x.shape",
        ),
    ],
)
def test_shape_that_does_not_fit_is_named_with_what_it_should_be(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_shapes(**arguments)


def test_hint_stands_at_the_end():
    with pytest.raises(ValueError, match=r"x.shape=\(2,\). Add an axis.$"):
        check_shapes("Add an axis.", x=("batch steps", (2,)))


def test_symbolic_and_traced_tensors_are_checked_by_what_is_known():
    images = keras.Input((None, 6, 3))
    check_shapes(images=("b h w c", images), mask=("b h w", keras.Input((4, 6))))
    with pytest.raises(ValueError, match=r"here \(any, any, 6\)"):
        check_shapes(images=("b h w c", images), mask=("b h w", keras.Input((4, 5))))

    @tf.function(input_signature=[tf.TensorSpec((None, 3, 2))])
    def traced(x):
        check_mask(x[..., 0] * 0, "step", "sequences", x=("batch steps features", x))
        return x

    assert traced(np.ones((2, 3, 2), "float32")).shape == (2, 3, 2)


@pytest.mark.parametrize("dtype", ["bool", "int32", "float32"])
def test_mask_that_keeps_nothing_of_some_says_of_which(dtype):
    x = ("batch *grid features", np.ones((3, 2, 2, 1)))
    mask = np.ones((3, 2, 2), dtype)
    check_mask(mask, "position", "grids", x=x)
    mask[[0, 2]] = 0
    message = r"every position of grids \[0, 2\] of the batch of 3.* Leave such grids"
    for value in (mask, keras.ops.convert_to_tensor(mask)):
        with pytest.raises(ValueError, match=message):
            check_mask(value, "position", "grids", x=x)


def test_mask_of_an_empty_batch_and_no_mask_pass():
    for mask in (None, np.ones((0, 3), bool)):
        check_mask(mask, "step", "sequences", x=("b t c", np.ones((0, 3, 2))))


def test_tensor_without_a_position_is_refused_without_a_mask_too():
    message = r"`x` must have at least one step. Received: x.shape=\(2, 0, 3\)"
    with pytest.raises(ValueError, match=message):
        check_mask(None, "step", "sequences", x=("b t c", np.ones((2, 0, 3))))


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (np.ones((2, 4)), "list [h, c] of 2 tensors of the shape (batch, units), here"),
        ([np.ones((2, 4))], "here (2, 4). Received: shapes [(2, 4)]. Keep both."),
        ([np.ones((2, 4)), None], "Received: shapes [(2, 4), None]"),
        (
            [np.ones((2, 4)), np.ones((3, 4))],
            "`state[1]` must have the shape (batch, u",
        ),
    ],
)
def test_states_that_are_no_list_of_their_shape_are_refused(states, message):
    x = ("batch features", np.ones((2, 3)))
    check_states("state", None, "[h, c]", "batch units", x=x, units=4)
    check_states("state", [np.ones((2, 4))] * 2, "[h, c]", "batch units", x=x, units=4)
    with pytest.raises(ValueError, match=re.escape(message)):
        check_states(
            "state", states, "[h, c]", "batch units", "Keep both.", x=x, units=4
        )


@pytest.mark.parametrize("dtype", ["bool", "float16", "float64"])
def test_tensor_of_no_integers_is_refused(dtype):
    check_integer_dtype("labels", None)
    check_integer_dtype("labels", np.zeros(2, "uint8"))
    with pytest.raises(ValueError, match=f"integers. Received: labels.dtype={dtype}"):
        check_integer_dtype("labels", np.zeros(2, dtype))
