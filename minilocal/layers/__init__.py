"""The maths: one layer family per file, forward above backward in each class."""

from minilocal.layers.activation import Dropout, ReLU
from minilocal.layers.base import Layer
from minilocal.layers.batchnorm import BatchNorm
from minilocal.layers.conv import Conv2d
from minilocal.layers.deviation import Deviation
from minilocal.layers.fused import BatchNormReLUDropout
from minilocal.layers.linear import Flatten, Linear
from minilocal.layers.pooling import AvgPool2d, MaxPool2d
from minilocal.layers.residual import PadShortcut, Residual
from minilocal.layers.sequential import Sequential
from minilocal.layers.whitening import Whitening

__all__ = [
    "AvgPool2d",
    "BatchNorm",
    "BatchNormReLUDropout",
    "Conv2d",
    "Deviation",
    "Dropout",
    "Flatten",
    "Layer",
    "Linear",
    "MaxPool2d",
    "PadShortcut",
    "ReLU",
    "Residual",
    "Sequential",
    "Whitening",
]
