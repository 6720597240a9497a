"""Whole networks, made of the layers of :mod:`dlbook.nn`."""

from dlbook.models.autoencoder import ConvAutoencoder
from dlbook.models.boxes import (
    box_area,
    box_iou,
    decode_boxes,
    encode_boxes,
    grid_anchors,
    non_maximum_suppression,
)
from dlbook.models.decoding import EncoderDecoder, beam_search, greedy_search
from dlbook.models.detection_loss import (
    DetectionLoss,
    match_anchors,
    sigmoid_focal_loss,
)
from dlbook.models.detector import Detections, Detector
from dlbook.models.fcn import FCN, bilinear_upsampling
from dlbook.models.googlenet import GoogLeNet, Inception
from dlbook.models.gpt import GPT, CausalSelfAttention, GPTBlock, KeyValueCache
from dlbook.models.lenet import LeNet
from dlbook.models.mlp import MLP, Perceptron
from dlbook.models.reading import (
    Tagger,
    TextClassifier,
    TokenEncoder,
    best_path,
    bio_transitions,
)
from dlbook.models.recurrent import CharRNN, Forecaster
from dlbook.models.resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    small_resnet,
)
from dlbook.models.sampling import choose_token, token_probabilities
from dlbook.models.seq2seq import Seq2Seq
from dlbook.models.seq2seq_transformer import Seq2SeqTransformer
from dlbook.models.unet import UNet
from dlbook.models.vgg import VGG, vgg16

__all__ = [
    "FCN",
    "GPT",
    "MLP",
    "VGG",
    "BasicBlock",
    "Bottleneck",
    "CausalSelfAttention",
    "CharRNN",
    "ConvAutoencoder",
    "DetectionLoss",
    "Detections",
    "Detector",
    "EncoderDecoder",
    "Forecaster",
    "GPTBlock",
    "GoogLeNet",
    "Inception",
    "KeyValueCache",
    "LeNet",
    "Perceptron",
    "ResNet",
    "Seq2Seq",
    "Seq2SeqTransformer",
    "Tagger",
    "TextClassifier",
    "TokenEncoder",
    "UNet",
    "beam_search",
    "best_path",
    "bilinear_upsampling",
    "bio_transitions",
    "box_area",
    "box_iou",
    "choose_token",
    "decode_boxes",
    "encode_boxes",
    "greedy_search",
    "grid_anchors",
    "match_anchors",
    "non_maximum_suppression",
    "resnet18",
    "resnet34",
    "resnet50",
    "sigmoid_focal_loss",
    "small_resnet",
    "token_probabilities",
    "vgg16",
]
