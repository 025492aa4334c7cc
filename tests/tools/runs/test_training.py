"""The files of a training."""

import sys

import tensorflow as tf

from tfrecvis.tools.run import Run


def test_curves_are_written_without_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    run = Run(tmp_path)
    run.log(1, {"loss": 0.5})
    run.log(2, {"loss": 0.25})
    (file,) = run.logs.iterdir()
    events = tf.compat.v1.train.summary_iterator(str(file))
    found = [(event.step, value) for event in events for value in event.summary.value]
    assert [(step, value.tag) for step, value in found] == [(1, "loss"), (2, "loss")]
    assert [float(tf.make_ndarray(value.tensor)) for _, value in found] == [0.5, 0.25]
    # TensorBoard shows as curves what bears this name.
    assert found[0][1].metadata.plugin_data.plugin_name == "scalars"
