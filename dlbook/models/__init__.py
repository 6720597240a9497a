"""Whole networks, made of the layers of :mod:`dlbook.nn`."""

from dlbook.models.googlenet import GoogLeNet, Inception
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
from dlbook.models.vgg import VGG, vgg16

__all__ = [
    "MLP",
    "VGG",
    "BasicBlock",
    "Bottleneck",
    "GoogLeNet",
    "Inception",
    "LeNet",
    "Perceptron",
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
    "small_resnet",
    "vgg16",
]
