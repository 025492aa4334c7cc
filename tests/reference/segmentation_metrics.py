"""Losses and metrics of label maps, pixel by pixel."""

import math

import numpy as np


def confusion_matrix(labels, predictions, num_classes, void=255):
    matrix = np.zeros((num_classes, num_classes), "int64")
    for label, prediction in zip(labels.flat, predictions.flat, strict=True):
        if label != void:
            matrix[label, prediction] += 1
    return matrix


def mean_iou(matrix):
    values = []
    for k in range(len(matrix)):
        either = matrix[k, :].sum() + matrix[:, k].sum() - matrix[k, k]
        if either:
            values.append(matrix[k, k] / either)
    return sum(values) / len(values) if values else 0.0


def global_accuracy(matrix):
    right = sum(matrix[k, k] for k in range(len(matrix)))
    return right / matrix.sum() if matrix.sum() else 0.0


def class_accuracy(matrix):
    values = []
    for k in range(len(matrix)):
        if matrix[k].sum():
            values.append(matrix[k, k] / matrix[k].sum())
    return sum(values) / len(values) if values else 0.0


def segmentation_cross_entropy(
    labels, logits, class_weights=None, void=255, label_smoothing=0.0
):
    num_classes = logits.shape[-1]
    total, counted = 0.0, 0
    for label, z in zip(labels.flat, logits.reshape(-1, num_classes), strict=True):
        if label == void:
            continue
        log_sum = math.log(sum(math.exp(value) for value in z))
        cost = 0.0
        for j in range(num_classes):
            target = (1 - label_smoothing) * (j == label)
            target += label_smoothing / num_classes
            cost -= target * (z[j] - log_sum)
        weight = 1.0 if class_weights is None else class_weights[label]
        total += weight * cost
        counted += 1
    return total / counted if counted else 0.0
