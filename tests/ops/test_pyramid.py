import math

import numpy as np
import pytest

from tfrecvis.ops import assign_levels

SCALES = (1 / 4, 1 / 8, 1 / 16, 1 / 32)


def level_of(width, height):
    boxes = np.float32([[3, 5, 3 + width, 5 + height]])
    return int(assign_levels(boxes, SCALES)[0]) + 2


@pytest.mark.parametrize("stretch", [1, 2, 3, 5, 7, 11])
@pytest.mark.parametrize(("side", "level"), [(112, 3), (224, 4), (448, 5)])
def test_box_of_just_the_size_of_a_level_belongs_to_it(side, level, stretch):
    for shape in ((side * stretch, side / stretch), (side / stretch, side * stretch)):
        assert level_of(*shape) == level
    assert level_of(side * 0.999, side) == level - 1


def test_levels_are_those_of_the_equation_and_cut_to_the_maps():
    for width, height in np.random.default_rng(0).uniform(1, 1500, (50, 2)):
        level = math.floor(4 + math.log2(math.sqrt(width * height) / 224))
        assert level_of(width, height) == min(max(level, 2), 5)


def test_box_without_area_belongs_to_the_finest_map():
    assert level_of(0, 0) == 2
