import numpy as np
import pytest

from tfrecvis.tools.video import Video, video_writer


def frames(count=5, size=(32, 48)):
    """Frames that grow brighter."""
    return [np.full((*size, 3), 40 * n, "uint8") for n in range(count)]


def write(path, pictures, rate=12.5):
    with video_writer(path, rate) as append:
        for picture in pictures:
            append(picture)


def test_video_is_read_as_it_was_written(tmp_path):
    write(tmp_path / "a.mp4", frames())
    video = Video(tmp_path / "a.mp4")
    assert video.rate == pytest.approx(12.5)
    assert len(video) == 5
    read = list(video)
    assert [frame.shape for frame in read] == [(32, 48, 3)] * 5
    for frame, expected in zip(read, frames(), strict=True):
        assert np.abs(frame.mean() - expected.mean()) < 6
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_channels_are_rgb(tmp_path):
    red = np.zeros((32, 32, 3), "uint8")
    red[..., 0] = 250
    write(tmp_path / "a.mp4", [red] * 3)
    frame = next(iter(Video(tmp_path / "a.mp4")))
    assert frame[..., 0].mean() > 200 and frame[..., 2].mean() < 60


def test_odd_sides_are_cut_and_other_sizes_brought_to_the_first(tmp_path):
    write(tmp_path / "a.mp4", [*frames(2, (33, 49)), *frames(1, (20, 20))])
    assert [frame.shape for frame in Video(tmp_path / "a.mp4")] == [(32, 48, 3)] * 3


def test_an_error_leaves_nothing(tmp_path):
    def broken():
        yield frames()[0]
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write(tmp_path / "a.mp4", broken())
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match="as a video|no frame"):
        Video(tmp_path / "a.mp4")
