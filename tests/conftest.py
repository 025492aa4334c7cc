import pytest


@pytest.fixture
def count_steps(monkeypatch):
    """A list that gains the number of steps of each loop that TensorFlow runs."""
    import tensorflow as tf

    counts = []
    while_loop = tf.while_loop

    def counting(cond, body, loop_vars, **kwargs):
        counts.append(0)

        def counted(*state):
            counts[-1] += 1
            return body(*state)

        return while_loop(cond, counted, loop_vars, **kwargs)

    monkeypatch.setattr("tensorflow.while_loop", counting)
    return counts
