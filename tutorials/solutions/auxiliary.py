"""Exercise 4: an auxiliary classifier's step (lessons 1 and 5).

A layer that learns locally has its own small classifier on its output, the features. In each step
the classifier computes two things: the gradients of its own weights, and dL/dfeatures, the gradient
of the layer's output. The layer learns from that gradient and from nothing else.

Replace every `...` with your own code. da means dL/da. Then run

    python -m minilocal.grade tutorials/exercises/auxiliary.py
"""

import numpy as np


def softmax(logits):
    """Return probabilities (N, C), positive, each row with sum 1. exp must not overflow."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def cross_entropy(logits, labels):
    """Return the mean of −log p[n, labels[n]] over the N images, a number."""
    p = softmax(logits)
    return -np.mean(np.log(p[np.arange(len(labels)), labels]))


def logits_gradient(logits, labels):
    """Return dL/dlogits (N, C), where L is that mean."""
    onehot = np.eye(logits.shape[1])[labels]
    return (softmax(logits) - onehot) / len(labels)


def classifier_step(classifier, features, labels, optimizer):
    """Train a classifier on the features of a batch; return (loss, dfeatures).

    classifier is a layer of minilocal, such as ml.a1(...): it has forward(x, training=True),
    backward(dy), which returns dx, and release(), which forgets what forward kept for backward.
    optimizer.update(layer) changes a layer's parameters by the gradients from backward.
    """
    logits = classifier.forward(features, training=True)
    loss = cross_entropy(logits, labels)
    dfeatures = classifier.backward(logits_gradient(logits, labels))
    optimizer.update(classifier)
    classifier.release()
    return loss, dfeatures
