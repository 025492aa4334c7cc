"""What a child process stores and times, tried in this one."""

import json

import numpy as np
import pytest

from tfrecvis.export.child_process import measure


def test_answers_of_all_batches_are_stored_and_timed(exported, images, tmp_path):
    np.savez(tmp_path / "in.npz", images=images)
    times = measure.measure(
        str(exported.path / "model.onnx"),
        {"serving_default": str(tmp_path / "in.npz")},
        {"serving_default": str(tmp_path / "out.npz")},
        batch_size=2,  # of five: the last batch holds one
    )
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_allclose(
            found["probabilities"], exported.probabilities, atol=1e-5
        )
        assert sorted(found) == ["labels", "probabilities"]
    assert list(times) == ["serving_default"]
    assert json.loads(json.dumps(times)) == times


def test_the_clock_warms_up_and_takes_the_median(monkeypatch):
    moments = iter([0.0, 0.004, 1.0, 1.001, 2.0, 2.002, 3.0, 3.009, 4.0, 4.003])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(moments))
    calls = []
    times = measure.clock(lambda: calls.append(1))
    assert len(calls) == 6
    assert times["milliseconds"] == pytest.approx(3)
    assert times["spread"] == pytest.approx(8)
