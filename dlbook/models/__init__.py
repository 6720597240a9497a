"""Whole networks, made of the layers of :mod:`dlbook.nn`."""

from dlbook.models.lenet import LeNet
from dlbook.models.mlp import MLP, Perceptron
from dlbook.models.resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    small_resnet,
)

__all__ = [
    "MLP",
    "BasicBlock",
    "Bottleneck",
    "LeNet",
    "Perceptron",
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
    "small_resnet",
]
