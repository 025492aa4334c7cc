"""Work in processes of its own: what may crash, and what must run without Keras."""

from tfrecvis.export.child_process.run_jobs import run_jobs

__all__ = ["run_jobs"]
