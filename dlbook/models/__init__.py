"""Whole networks, made of the layers of :mod:`dlbook.nn`."""

from dlbook.models.lenet import LeNet
from dlbook.models.mlp import MLP, Perceptron

__all__ = ["MLP", "LeNet", "Perceptron"]
