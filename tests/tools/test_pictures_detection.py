import numpy as np
import pytest

from tfrecvis.tools.pictures.detection import draw_boxes


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((30, 20), (720, 480)),
        ((640, 500), (640, 500)),
        ((1000, 3), (4000, 12)),  # no wider than 4096
        ((5000, 1), (5000, 1)),
    ],
)
def test_small_pictures_are_enlarged_within_bounds(size, expected):
    image = np.zeros((*size[::-1], 3), "uint8")
    box = {"category_id": 0, "bbox": [0, 0, 2, 1], "score": 0.5}
    assert draw_boxes(image, [box], ["car"], [[255, 0, 0]]).size == expected
