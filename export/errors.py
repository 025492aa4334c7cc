"""The one error of an export that was asked for correctly and went wrong."""


class ExportError(RuntimeError):
    """An export that failed: nothing of it was left on the disk.

    Raised when a converter fails or crashes, when a library is missing, and when an
    artefact does not compute what the model computes. Arguments that cannot be right
    raise a `ValueError` instead, before any work.

    Attributes:
        report: Dict, the parity report as far as it was made, or None.

    Example:

    >>> from tfrecvis.export import ExportError
    >>> raise ExportError("LiteRT failed.")
    Traceback (most recent call last):
    ...
    tfrecvis.export.errors.ExportError: LiteRT failed.
    """

    def __init__(self, message, report=None):
        super().__init__(message)
        self.report = report
