"""Maps of several scales, and which of them a box is read from."""

import math

from keras import ops

from tfrecvis.ops.checks import check_number
from tfrecvis.ops.shape_checks import check_shapes


def assign_levels(boxes, spatial_scales, canonical_size=224, canonical_level=4):
    """The map of a pyramid that each box is read from.

        level = floor(canonical_level + log2(sqrt(w * h) / canonical_size) + 1e-6)

    cut to the levels that there are. The 1e-6, as in torchvision, keeps a side of
    exactly 224 from falling below its level by rounding.

    Reference: Lin et al., 2017, eq. 1 (https://arxiv.org/abs/1612.03144).

    Args:
        boxes: Float tensor `(..., 4)` or more numbers, xyxy, pixels.
        spatial_scales: Tuple of floats, 2^-level of each map, finest first.
        canonical_size: Number, side in pixels of a box of `canonical_level`.
        canonical_level: Integer.

    Returns:
        int32 tensor `(...)`, index into `spatial_scales`.

    Example:

    >>> boxes = [[0.0, 0.0, side, side] for side in (4, 112, 224, 5000)]
    >>> assign_levels(ops.convert_to_tensor(boxes), (1 / 4, 1 / 8, 1 / 16)).numpy()
    array([0, 1, 2, 2], dtype=int32)
    """
    boxes = ops.cast(boxes, "float32")
    lowest = round(-math.log2(spatial_scales[0]))
    sides = ops.maximum(boxes[..., 2:4] - boxes[..., :2], 1e-6)
    # half the logarithm of each side: their product could overflow half precision
    octaves = ops.sum(ops.log(sides), -1) / (2 * math.log(2.0))
    level = octaves + (canonical_level - math.log2(canonical_size) + 1e-6)
    level = ops.clip(ops.floor(level) - lowest, 0, len(spatial_scales) - 1)
    return ops.cast(level, "int32")


def check_pyramid(maps, spatial_scale):
    """A list of maps and a tuple of their scales, from one of each or several.

    Args:
        maps: Tensor `(batch, height, width, channels)` or a list of them.
        spatial_scale: Float, or a tuple of one for each map, from large to small, each
            a half, quarter and so on of the one before it.

    Returns:
        List of tensors and tuple of floats.

    Raises:
        ValueError: They do not fit each other, or a map has no pixel.

    Example:

    >>> check_pyramid([ops.ones((1, 4, 4, 2)), ops.ones((1, 2, 2, 2))], (1 / 4,))
    Traceback (most recent call last):
    ValueError: `spatial_scale` must have one number for each map. Received: \
spatial_scale=(0.25,), 2 maps.
    """
    several = isinstance(maps, (list, tuple))
    maps = list(maps) if several else [maps]
    given = isinstance(spatial_scale, (list, tuple))
    scales = tuple(spatial_scale) if given else (spatial_scale,)
    if len(scales) != len(maps):
        raise ValueError(
            "`spatial_scale` must have one number for each map. "
            f"Received: spatial_scale={spatial_scale!r}, {len(maps)} "
            f"map{'s' if len(maps) > 1 else ''}."
        )
    for scale in scales:
        check_number("spatial_scale", scale, positive=True)
    levels = [-math.log2(scale) for scale in scales]
    steps = {round(b - a, 6) for a, b in zip(levels, levels[1:], strict=False)}
    if len(scales) > 1 and (steps != {1.0} or abs(levels[0] - round(levels[0])) > 1e-6):
        raise ValueError(
            "`spatial_scale` of a pyramid must go on in halves of powers of two, such "
            f"as (1/4, 1/8, 1/16). Received: spatial_scale={scales}."
        )
    names = [f"maps[{k}]" for k in range(len(maps))] if several else ["maps"]
    spec = "batch {}height {}width channels"
    check_shapes(
        **{
            name: (spec.format(f"level_{k}_", f"level_{k}_"), m)
            if several
            else ("batch height width channels", m)
            for k, (name, m) in enumerate(zip(names, maps, strict=True))
        }
    )
    for name, m in zip(names, maps, strict=True):
        if 0 in m.shape[1:] or m.shape[-1] is None:
            raise ValueError(
                f"`{name}` must have pixels, and channels of a known number. "
                f"Received: {name}.shape={tuple(m.shape)}."
            )
    return maps, scales
