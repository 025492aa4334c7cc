"""The loss of YOLO: squared differences of boxes, confidence and classes."""

from keras import ops

from tfrecvis.ops.boxes import box_overlap
from tfrecvis.ops.cells import split_cells
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.likeliest import likeliest
from tfrecvis.ops.truth import padded_truth

BOX_WEIGHT = 5.0
NOTHING_WEIGHT = 0.5
SMALLEST = 0.005  # the share of the image that each side of an object must have


def yolo_loss(values, boxes, classes, image_size, boxes_per_cell=2):
    """The four losses of a detector that answers for each cell of a grid.

    The cell in which an object's centre lies answers for it, for one object only: the
    later ones of `boxes` are left out, and so are those with a side below 0.005 of the
    image. Of the cell's boxes that with the highest IoU is responsible, or, where none
    overlaps the object, the one whose x, y, w and h differ least. With t the values of
    the responsible box (see `tfrecvis.layers.CellBoxes`), (x, y) the centre of the
    object relative to the cell and w, h its shares of the image:

        boxes   = 5 * sum((t_x - x)^2 + (t_y - y)^2 + (t_w - sqrt(w))^2
                  + (t_h - sqrt(h))^2)
        objects = sum((confidence - IoU)^2)
        nothing = 0.5 * sum(confidence^2) over all boxes that are not responsible
        classes = sum((p_k - [k is the class])^2) over cells with an object and k

    All are divided by the number of images. No gradient passes the IoU.

    Reference: Redmon et al., 2016, eq. 3 (https://arxiv.org/abs/1506.02640), and its
    published code.

    Args:
        values: Float tensor `(batch, rows, columns, 5 * boxes_per_cell + classes)`.
        boxes: Float tensor `(batch, boxes, 4)`, the true ones, xyxy, absolute pixels.
        classes: Integer tensor `(batch, boxes)`; -1 is padding.
        image_size: `(height, width)` of the images in pixels.
        boxes_per_cell: Positive integer.

    Returns:
        Dict of four float32 scalars, `boxes`, `objects`, `nothing` and `classes`.

    Example:

    >>> boxes = ops.convert_to_tensor([[[0.0, 0.0, 20.0, 20.0]]])
    >>> losses = yolo_loss(
    ...     ops.zeros((1, 1, 1, 7)), boxes, ops.zeros((1, 1), "int32"), (20, 20), 1
    ... )
    >>> {name: float(loss) for name, loss in losses.items()}
    {'boxes': 12.5, 'objects': 0.0, 'nothing': 0.0, 'classes': 1.0}
    """
    values = ops.cast(values, "float32")
    batch, rows, columns, channels = ops.shape(values)
    num_classes = values.shape[-1] - 5 * boxes_per_cell
    boxes, classes, fault = padded_truth(boxes, classes, num_classes)
    height, width = image_size
    grid = ops.cast(ops.stack([columns, rows]), "float32")
    corners = boxes / ops.cast(ops.stack([width, height, width, height]), "float32")
    centre = (corners[..., :2] + corners[..., 2:]) / 2
    sides = corners[..., 2:] - corners[..., :2]
    cell = ops.clip(ops.floor(centre * grid), 0, grid - 1)
    place = ops.cast(cell[..., 1] * grid[0] + cell[..., 0], "int32")
    counted = _first(place, (classes >= 0) & ops.all(sides >= SMALLEST, -1))

    own = gather_nodes(ops.reshape(values, (batch, rows * columns, channels)), place)
    found, scores = split_cells(own, boxes_per_cell)  # (B, M, n, 5), (B, M, K)
    overlap, distance = _likeness(found, cell, grid, corners, centre, sides)
    nearest = likeliest(ops.where(_any(overlap), overlap, -distance))
    mine = ops.one_hot(nearest, boxes_per_cell) * counted[..., None]  # (B, M, n)

    sides = ops.sqrt(ops.maximum(sides, 0.0))
    target = ops.concatenate([centre * grid - cell, sides], -1)[..., None, :]
    gaps = ops.sum(ops.square(found[..., :4] - target), -1)
    objects = ops.square(found[..., 4] - overlap)
    truth = ops.one_hot(classes, scores.shape[-1])
    misses = ops.sum(ops.square(scores - truth), -1)
    # Which boxes of which cells are responsible: (B, cells, n)
    cells = ops.one_hot(place, rows * columns)
    taken = ops.sum(cells[..., None] * mine[:, :, None], 1)
    confidence = split_cells(values, boxes_per_cell)[0][..., 4]
    confidence = ops.reshape(confidence, ops.shape(taken))
    images = ops.maximum(ops.cast(batch, "float32"), 1.0)
    nothing = ops.sum(ops.square(confidence) * (1 - taken))
    return {
        "boxes": BOX_WEIGHT * ops.sum(gaps * mine) / images + fault,
        "objects": ops.sum(objects * mine) / images + fault,
        "nothing": NOTHING_WEIGHT * nothing / images + fault,
        "classes": ops.sum(misses * counted) / images + fault,
    }


def _first(place, real):
    """1 for real objects whose cell no earlier one has, 0 for others: `(B, M)`."""
    index = ops.arange(ops.shape(place)[1])
    before = index[:, None] > index
    same = ops.equal(place[:, :, None], place[:, None, :]) & real[:, None, :] & before
    return ops.cast(real & ~ops.any(same, -1), "float32")


def _likeness(found, cell, grid, corners, centre, sides):
    """IoU and squared distance of each object and its cell's boxes: `(B, M, n)`."""
    found = ops.stop_gradient(found)
    middle = (found[..., :2] + cell[..., None, :]) / grid
    extent = ops.square(found[..., 2:4])
    low, high = middle - extent / 2, middle + extent / 2
    overlap = box_overlap(ops.concatenate([low, high], -1), corners[..., None, :])
    gaps = ops.concatenate(
        [middle - centre[..., None, :], extent - sides[..., None, :]], -1
    )
    return overlap, ops.sum(ops.square(gaps), -1)


def _any(overlap):
    return ops.max(overlap, -1, keepdims=True) > 0
