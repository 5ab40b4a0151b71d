"""Exercise 4: an auxiliary classifier's step (lessons 1 and 5).

A layer that learns locally has a small classifier of its own on its output, the features. In each
step the classifier tells two things: how to change its own weights, and dL/dfeatures, which way the
layer's output should move. The layer learns from that and from nothing else.

Replace every `...` by your own code. dL/da is written da. Then ask

    python -m minilocal.grade tutorials/exercises/auxiliary.py
"""

import numpy as np


def softmax(logits):
    """Return probabilities (N, C): each row positive, with the sum 1. exp must not overflow."""
    exponentials = ...
    return ...


def cross_entropy(logits, labels):
    """Return the mean over the N images of −log p[n, labels[n]], a number."""
    p = softmax(logits)
    return ...


def logits_gradient(logits, labels):
    """Return dL/dlogits (N, C) of that mean."""
    onehot = np.eye(logits.shape[1])[labels]
    return ...


def classifier_step(classifier, features, labels, optimizer):
    """Train a classifier on the features of a batch; return (loss, dfeatures).

    classifier is a layer of minilocal, such as ml.a1(...): it has forward(x, training=True),
    backward(dy), which returns dx, and release(), which forgets what forward kept for backward.
    optimizer.update(layer) changes a layer's parameters by the gradients that backward left.
    """
    logits = ...
    loss = ...
    dfeatures = ...
    ...  # update
    classifier.release()
    return loss, dfeatures
