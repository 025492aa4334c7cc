"""A converter that crashes does not take its caller with it."""

import os
import sys
from pathlib import Path

import keras
import pytest

from tfrecvis.export import ExportError, export_model
from tfrecvis.export.child_process import run_jobs
from tfrecvis.models import segmentation

JOBS = """
import os, signal, sys

def crash():
    print("calibrator said something", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)

def leave():
    os._exit(3)

def refuse(count=1):
    raise ValueError("no such operator" * count)

def module(name):
    __import__(name)

def say(word):
    return word

def environment(name):
    return os.environ.get(name)

def path():
    return sys.path
"""


@pytest.fixture
def run(tmp_path):
    file = tmp_path / "jobs.py"
    file.write_text(JOBS)

    def run(*jobs, **options):
        plan = [
            (name, str(file), function, arguments) for name, function, arguments in jobs
        ]
        return run_jobs(plan, tmp_path, **options)

    return run


def test_values_come_back_by_name(run):
    found = run(("a", "say", {"word": "one"}), ("b", "say", {"word": "für"}))
    assert found == {"a": "one", "b": "für"}


def test_a_crash_names_the_job_the_signal_and_its_last_words(run):
    match = r"litert_int8 crashed \(SIGSEGV\).*calibrator said something"
    with pytest.raises(ExportError, match=match):
        run(("first", "say", {"word": "x"}), ("litert_int8", "crash", {}))


def test_a_silent_exit_is_an_error(run):
    with pytest.raises(ExportError, match="onnx ended with status 3.*none"):
        run(("onnx", "leave", {}))


def test_an_exception_carries_its_message(run):
    with pytest.raises(ExportError, match="onnx failed: ValueError: no such operator"):
        run(("onnx", "refuse", {}))


def test_a_long_message_is_cut(run):
    with pytest.raises(ExportError, match=r"operator.*\.\.\.$") as caught:
        run(("onnx", "refuse", {"count": 10_000}))
    assert len(str(caught.value)) < 2000


def test_blocked_modules_cannot_be_imported(run):
    assert run(("a", "module", {"name": "wave"})) == {"a": None}
    with pytest.raises(ExportError, match="No module named 'wave'"):
        run(("a", "module", {"name": "wave"}), blocked=("wave",))


def test_the_child_sees_no_gpu_and_no_module_beside_its_program(run, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert run(("a", "environment", {"name": "CUDA_VISIBLE_DEVICES"})) == {"a": "-1"}
    folder = str(Path(sys.modules[run_jobs.__module__].__file__).parent)
    assert folder not in run(("a", "path", {}))["a"]


def test_an_error_of_an_earlier_run_is_not_told_again(run, tmp_path, monkeypatch):
    with pytest.raises(ExportError, match="onnx failed"):
        run(("onnx", "refuse", {}))
    module = sys.modules[run_jobs.__module__]
    monkeypatch.setattr(module, "_CHILD", tmp_path / "gone.py")  # ends before any job
    with pytest.raises(ExportError, match="child process ended with status 2.*gone.py"):
        run(("litert", "say", {"word": "x"}))


def test_a_converter_that_crashes_leaves_nothing(plain, images, tmp_path, monkeypatch):
    from tfrecvis.export.formats import litert

    jobs = tmp_path / "jobs.py"
    jobs.write_text(
        "import os, signal\ndef convert(**_):\n    os.kill(os.getpid(), 11)"
    )
    monkeypatch.setattr(litert, "__file__", str(jobs))
    with pytest.raises(ExportError, match=r"litert_float32 crashed \(SIGSEGV\)"):
        export_model(plain, tmp_path / "tiny", {"images": images}, formats=["litert"])
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.py"]


@pytest.mark.slow
def test_an_operator_that_litert_lacks_is_an_error_of_the_export(images, tmp_path):
    import tensorflow as tf

    inputs = keras.Input((None, None, 3))
    x = keras.layers.Lambda(lambda x: tf.nn.max_pool_with_argmax(x, 1, 1, "SAME")[0])(
        inputs
    )
    signatures = segmentation.signatures(
        keras.Model(inputs, keras.layers.Conv2D(2, 1)(x))
    )
    with pytest.raises(
        ExportError,
        match="(?s)litert_float32 failed: ConverterError.*MaxPoolWithArgmax",
    ):
        export_model(
            signatures, tmp_path / "tiny", {"images": images}, formats=["litert"]
        )
    assert os.listdir(tmp_path) == []
