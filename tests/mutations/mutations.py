"""Single-line mutations of the code, each of which a fast test must catch."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """A wrong line.

    Fields:
        what: What is wrong with it.
        file: Where, from the top of the repository.
        old: A part of a line that occurs once in the file.
        new: What takes its place.
        tests: The test files to run, from `tests/`.
    """

    what: str
    file: str
    old: str
    new: str
    tests: str


MUTATIONS = [
    Mutation(
        "gates of the LSTM in another order",
        "tfrecvis/ops/lstm.py",
        "i, *f, g, o = ops.split(ops.cast(gates",
        "o, *f, g, i = ops.split(ops.cast(gates",
        "ops/test_lstm.py",
    ),
    Mutation(
        "LSTM: tanh without its slope going back",
        "tfrecvis/ops/lstm.py",
        "dc = dc + dh * o * (1 - tanh_c * tanh_c)",
        "dc = dc + dh * o",
        "ops/test_lstm.py",
    ),
    Mutation(
        "LSTM: a masked step loses the gradient of c",
        "tfrecvis/ops/lstm.py",
        "dh, dc = dh + rest_h, dc + rest_c",
        "dh, dc = dh + rest_h, dc",
        "ops/test_lstm.py",
    ),
    Mutation(
        "LSTM: the output peephole's gradient reads the old c",
        "tfrecvis/ops/lstm.py",
        "(dz_o, self._remember(i, f, g, c_before)),",
        "(dz_o, c_before),",
        "ops/test_lstm.py",
    ),
    Mutation(
        "LSTM: a sign in the stable cell's gradient",
        "tfrecvis/ops/lstm.py",
        "f[0] * (first - second)]",
        "f[0] * (first + second)]",
        "ops/test_lstm.py",
    ),
    Mutation(
        "GRU: the update gate the other way round",
        "tfrecvis/ops/gru.py",
        'new_h = ops.cast(z * ops.cast(h, "float32") + (1 - z) * n',
        'new_h = ops.cast((1 - z) * ops.cast(h, "float32") + z * n',
        "ops/test_gru.py",
    ),
    Mutation(
        "GRU: a gradient term dropped",
        "tfrecvis/ops/gru.py",
        'back = reset * r + ops.cast(back, "float32")',
        'back = ops.cast(back, "float32")',
        "ops/test_gru.py",
    ),
    Mutation(
        "GRU: a masked step passes no gradient",
        "tfrecvis/ops/gru.py",
        "rest = (1 - m[0]) * dh if m else 0.0",
        "rest = 0.0",
        "ops/test_gru.py",
    ),
    Mutation(
        "unskew reads one lane late",
        "tfrecvis/ops/wavefront.py",
        "ops.pad(x, [[0, lanes], *[[0, 0]]",
        "ops.pad(x, [[lanes, 0], *[[0, 0]]",
        "ops/test_wavefront.py",
    ),
    Mutation(
        "taps read the other neighbour",
        "tfrecvis/ops/stencil.py",
        "slice(tap, None) if tap > 0 else slice(None, tap)",
        "slice(tap, None) if tap < 0 else slice(None, tap)",
        "ops/test_stencil.py",
    ),
    Mutation(
        "a recurrent gradient one step off",
        "tfrecvis/ops/stencil.py",
        "earlier, later, start = hidden[:-1], dz[1:], dz[0]",
        "earlier, later, start = hidden[1:], dz[1:], dz[0]",
        "ops/test_lstm.py",
    ),
    Mutation(
        "masked steps are steps like others",
        "tfrecvis/ops/stencil.py",
        "mask * new + (1 - mask) * old",
        "new",
        "ops/test_lstm.py",
    ),
    Mutation(
        "an unrolled scan never runs in reverse",
        "tfrecvis/ops/scan.py",
        "for t in reversed(range(steps)) if reverse else range(steps):",
        "for t in range(steps):",
        "ops/test_scan.py",
    ),
    Mutation(
        "graphs: padded nodes are visited",
        "tfrecvis/ops/levels.py",
        "ops.all(_take(visited, waits_for), -1) & mask & (order < 0)",
        "ops.all(_take(visited, waits_for), -1) & (order < 0)",
        "ops/test_levels.py",
    ),
    Mutation(
        "graphs: of several readers, one gives a gradient",
        "tfrecvis/ops/levels.py",
        'ops.scatter_update(slopes, places, d_read, "add")',
        "ops.scatter_update(slopes, places, d_read)",
        "ops/test_levels.py",
    ),
    Mutation(
        "DRAW's grid half a filter off",
        "tfrecvis/ops/filterbank.py",
        "mu = center + (i - num_filters / 2 - 0.5)",
        "mu = center + (i - num_filters / 2)",
        "ops/test_filterbank.py",
    ),
    Mutation(
        "DRAW's centre counts pixels from 1",
        "tfrecvis/ops/filterbank.py",
        "(width_ + 1) / 2 * (gx + 1) - 1,",
        "(width_ + 1) / 2 * (gx + 1),",
        "ops/test_filterbank.py",
    ),
    Mutation(
        "LG-LSTM: h = o tanh(m) in place of tanh(o m)",
        "tfrecvis/ops/neighbour_lstm.py",
        "ops.cast(ops.tanh(o * m), dtype)",
        "ops.cast(o * ops.tanh(m), dtype)",
        "layers/test_pixel_lstm.py",
    ),
    Mutation(
        "LG-LSTM: the memory of masked pixels stays",
        "tfrecvis/ops/neighbour_lstm.py",
        "m = real(f * m + i * g)",
        "m = f * m + i * g",
        "layers/test_local_global_lstm.py",
    ),
    Mutation(
        "MaskedConv2D reads the next pixel",
        "tfrecvis/layers/masked_conv_2d.py",
        "self.kernel_mask[-1, width // 2 + 1 :] = 0",
        "self.kernel_mask[-1, width // 2 + 2 :] = 0",
        "layers/test_masked_conv_2d.py",
    ),
    Mutation(
        "RowLSTM: colours read their own pixel whole",
        "tfrecvis/layers/row_lstm.py",
        "self.kernel_mask[-1] = self.own_pixel_mask(channels)",
        "self.kernel_mask[-1] = 1",
        "layers/test_row_lstm.py",
    ),
    Mutation(
        "RowLSTM reads the pixel on the right",
        "tfrecvis/layers/row_lstm.py",
        "tuple(range(-side, 1))",
        "tuple(range(1 - side, 2))",
        "layers/test_row_lstm.py",
    ),
    Mutation(
        "DiagonalBiLSTM: the right half sees later pixels",
        "tfrecvis/layers/diagonal_bilstm.py",
        "left + _row_below(right)",
        "left + right",
        "layers/test_diagonal_bilstm.py",
    ),
    Mutation(
        "DiagonalBiLSTM flips the rows",
        "tfrecvis/layers/diagonal_bilstm.py",
        "x = ops.flip(x, 2) if side else x",
        "x = ops.flip(x, 1) if side else x",
        "layers/test_diagonal_bilstm.py",
    ),
    Mutation(
        "MDLSTM does not flip its outputs back",
        "tfrecvis/layers/md_lstm.py",
        "outputs.append(_flip(h, BACKWARDS[name]))",
        "outputs.append(h)",
        "layers/test_md_lstm.py",
    ),
    Mutation(
        "ReNet: rows and columns of a patch swapped",
        "tfrecvis/layers/renet.py",
        "ops.transpose(x, (0, 1, 3, 2, 4, 5))",
        "ops.transpose(x, (0, 1, 3, 4, 2, 5))",
        "layers/test_renet.py",
    ),
    Mutation(
        "ReNet's second dropout differs between positions",
        "tfrecvis/layers/renet.py",
        "x = self._drop(x, training, batch_axis=1)",
        "x = self._drop(x, training)",
        "layers/test_renet.py",
    ),
    Mutation(
        "ReNet's sweeps both run forward",
        "tfrecvis/layers/sweeps.py",
        '"reverse": index == 1,',
        '"reverse": False,',
        "layers/test_renet.py",
    ),
    Mutation(
        "GraphLSTM sums its neighbours",
        "tfrecvis/layers/graph_lstm.py",
        "share = present / ops.maximum(ops.sum(present, -1, keepdims=True), 1)",
        "share = present",
        "layers/test_graph_lstm.py",
    ),
    Mutation(
        "GraphLSTM: equal confidences in any order",
        "tfrecvis/layers/graph_lstm.py",
        "return first | ((theirs == own) & lower)",
        "return first",
        "layers/test_graph_lstm.py",
    ),
    Mutation(
        "TreeLSTM takes the largest child",
        "tfrecvis/layers/tree_lstm.py",
        "ops.matmul(ops.sum(h, 1), ops",
        "ops.matmul(ops.max(h, 1), ops",
        "layers/test_tree_lstm.py",
    ),
    Mutation(
        "HardAttention: a draw of 0 takes what has no probability",
        "tfrecvis/layers/hard_attention.py",
        "return cumulative > ops.minimum(",
        "return cumulative >= ops.minimum(",
        "layers/test_hard_attention.py",
    ),
    Mutation(
        "HardAttention in training never draws",
        "tfrecvis/layers/hard_attention.py",
        "expected = noise[:, 1:] < 0.5",
        "expected = noise[:, 1:] < 1.5",
        "layers/test_hard_attention.py",
    ),
    Mutation(
        "the mean counts void pixels",
        "tfrecvis/losses/segmentation_cross_entropy.py",
        "losses = losses * ops.divide_no_nan(pixels, ops.sum(counted))",
        "pass",
        "losses/test_segmentation_cross_entropy.py",
    ),
    Mutation(
        "smoothing takes nothing from the target",
        "tfrecvis/losses/segmentation_cross_entropy.py",
        "(1 - smooth) * targets + smooth / num_classes",
        "targets + smooth / num_classes",
        "losses/test_segmentation_cross_entropy.py",
    ),
    Mutation(
        "REINFORCE: the reward has a gradient",
        "tfrecvis/losses/attention.py",
        "reward = ops.stop_gradient(log_likelihood)",
        "reward = log_likelihood",
        "losses/test_attention.py",
    ),
    Mutation(
        "confusion matrix transposed",
        "tfrecvis/metrics/confusion_matrix.py",
        "cells = y_true * self.num_classes + y_pred",
        "cells = y_pred * self.num_classes + y_true",
        "metrics/test_confusion_matrix.py",
    ),
    Mutation(
        "counts overflow at 2**24",
        "tfrecvis/metrics/confusion_matrix.py",
        "self.high.assign(self.high + low // _LIMB)",
        "pass",
        "metrics/test_global_accuracy.py",
    ),
    Mutation(
        "MeanIoU counts hits twice",
        "tfrecvis/metrics/mean_iou.py",
        "union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - hits",
        "union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1)",
        "metrics/test_mean_iou.py",
    ),
    Mutation(
        "ClassAccuracy divides by the predictions",
        "tfrecvis/metrics/accuracy.py",
        "mean_of_defined(ops.diagonal(matrix), ops.sum(matrix, axis=1))",
        "mean_of_defined(ops.diagonal(matrix), ops.sum(matrix, axis=0))",
        "metrics/test_class_accuracy.py",
    ),
    Mutation(
        "ImageClassifier: patches with rows and columns mixed",
        "models/classification/image_classifier.py",
        "layers.Permute((1, 3, 2, 4)",
        "layers.Permute((3, 1, 2, 4)",
        "models/test_task_models.py",
    ),
    Mutation(
        "the tagger's twin is one layer deeper",
        "models/sequences/sequence_tagger.py",
        "widths, narrower = [1] * depth, [1] * depth",
        "widths, narrower = [1] * (depth + 1), [1] * depth",
        "models/test_task_models.py",
    ),
    Mutation(
        "ReSeg's decoder leaves out the finer maps",
        "models/segmentation/reseg.py",
        'maps = layers.Add(name=f"{name}_add")([maps, skip])',
        "pass",
        "models/test_reseg.py",
    ),
    Mutation(
        "ReSeg pads at the top",
        "models/geometry.py",
        "[[0, 0], [0, bottom], [0, right], [0, 0]]",
        "[[0, 0], [bottom, 0], [0, right], [0, 0]]",
        "models/test_geometry.py models/test_reseg.py",
    ),
    Mutation(
        "Upsample wraps around the edge",
        "models/geometry.py",
        "before = ops.concatenate([maps[:, :1], maps[:, :-1]], 1)",
        "before = ops.concatenate([maps[:, -1:], maps[:, :-1]], 1)",
        "models/test_geometry.py",
    ),
    Mutation(
        "an export takes probabilities for logits",
        "export/graph.py",
        "tf.nn.softmax(outputs) if from_logits else outputs",
        "tf.nn.softmax(outputs)",
        "export/test_graph.py",
    ),
    Mutation(
        "parity looks at the mean in place of the maximum",
        "export/parity.py",
        "    if largest > tolerance:",
        "    if mean > tolerance:",
        "export/test_parity.py",
    ),
    Mutation(
        "ONNX's remainder has the wrong sign",
        "export/onnx.py",
        'HANDLERS = {"FloorMod": (_floor_mod, []), ',
        "HANDLERS = {",
        "conformance/test_onnx.py export/test_artefacts.py",
    ),
    Mutation(
        "a flip leaves the labels as they are",
        "tfrecvis/data/augmentation.py",
        "labels = tf.where(turn, labels[:, ::-1], labels)",
        "pass",
        "data/test_augmentation.py",
    ),
    Mutation(
        "what a crop adds is class 0",
        "tfrecvis/data/augmentation.py",
        "tf.pad(labels, pads, constant_values=VOID)",
        "tf.pad(labels, pads)",
        "data/test_augmentation.py",
    ),
    Mutation(
        "neighbours of superpixels on one side only",
        "tfrecvis/data/superpixels.py",
        "np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)",
        "np.unique(pairs, axis=0)",
        "data/test_superpixels.py",
    ),
    Mutation(
        "sums begin one step early",
        "tfrecvis/data/algorithmic.py",
        "start = 2 * digits + 2",
        "start = 2 * digits + 1",
        "data/test_algorithmic.py",
    ),
]
