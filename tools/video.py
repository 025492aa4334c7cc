"""Videos, by OpenCV: read frame by frame, and written whole or not at all."""

import contextlib
from pathlib import Path

import numpy as np

from tfrecvis.optional import optional_import
from tfrecvis.tools.files import whole_file

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")


def _opencv():
    return optional_import("cv2", extra="eval", what="Video")


class Video:
    """The frames of a video file, which are decoded one by one.

    Args:
        path: Path.

    Attributes:
        rate: Float, frames per second.
        count: Integer, how many frames its header says that there are.

    Raises:
        ValueError: it cannot be opened, or holds no frame; without its path.
    """

    def __init__(self, path):
        self.path = Path(path)
        capture = self._open()
        cv2 = _opencv()
        self.rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
        self.count = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        found, _ = capture.read()
        capture.release()
        if not found:
            raise ValueError("holds no frame that OpenCV can decode")

    def _open(self):
        capture = _opencv().VideoCapture(str(self.path))
        if not capture.isOpened():
            raise ValueError("cannot be opened as a video by OpenCV")
        return capture

    def __len__(self):
        return self.count

    def __iter__(self):
        """Yields the frames, uint8 `(height, width, 3)`, RGB."""
        capture = self._open()
        try:
            while True:
                found, frame = capture.read()
                if not found:
                    return
                yield np.ascontiguousarray(frame[..., ::-1])
        finally:
            capture.release()


@contextlib.contextmanager
def video_writer(path, rate):
    """Gives a function that appends a frame to an MP4 file.

    All frames get the size of the first one, cut to even sides, which its codec
    (MPEG-4 part 2) needs.

    Args:
        path: Path that ends in `.mp4`.
        rate: Number, frames per second.

    Example:

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with video_writer(Path(folder, "a.mp4"), 25) as write:
    ...         write(np.zeros((16, 16, 3), "uint8"))
    ...     os.listdir(folder)
    ['a.mp4']
    """
    cv2 = _opencv()
    with whole_file(path) as temporary:
        # OpenCV knows the container by the ending.
        named = temporary.with_name(f"{temporary.name}.mp4")
        writer = size = None

        def write(frame):
            nonlocal writer, size
            if writer is None:
                size = tuple(side // 2 * 2 for side in frame.shape[1::-1])
                code = cv2.VideoWriter_fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(named), code, rate, size)
                if not writer.isOpened():
                    raise OSError(f"{path} cannot be written as a video.")
            if frame.shape[1::-1] != size:
                frame = frame[: size[1], : size[0]]
            if frame.shape[1::-1] != size:
                frame = cv2.resize(frame, size)
            writer.write(np.ascontiguousarray(frame[..., ::-1]))

        try:
            yield write
            if writer is not None:
                writer.release()
            named.replace(temporary)
        finally:
            if writer is not None:
                writer.release()
            named.unlink(missing_ok=True)
