"""The one error of an export that went wrong."""

from tfrecvis.export import ExportError


def test_an_export_error_carries_the_report_where_there_is_one():
    assert ExportError("failed").report is None
    error = ExportError("failed", report={"artefacts": {}})
    assert str(error) == "failed"
    assert error.report == {"artefacts": {}}
    assert isinstance(error, RuntimeError)
