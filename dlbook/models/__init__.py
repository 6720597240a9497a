"""Whole networks, made of the layers of :mod:`dlbook.nn`."""

from dlbook.models.autoencoder import Autoencoder, ConvAutoencoder
from dlbook.models.boxes import (
    box_area,
    box_iou,
    decode_boxes,
    encode_boxes,
    grid_anchors,
    non_maximum_suppression,
)
from dlbook.models.code_penalties import contractive_penalty, sparsity_penalty
from dlbook.models.contrastive import SimCLR, nt_xent_loss
from dlbook.models.cyclegan import CycleGAN, PatchDiscriminator, ResidualTranslator
from dlbook.models.decoding import EncoderDecoder, beam_search, greedy_search
from dlbook.models.detection_loss import (
    DetectionLoss,
    match_anchors,
    sigmoid_focal_loss,
)
from dlbook.models.detector import Detections, Detector
from dlbook.models.diffusion import Diffusion, noise_levels
from dlbook.models.fcn import FCN, bilinear_upsampling
from dlbook.models.gan import (
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    Generator,
)
from dlbook.models.gan_losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    least_squares_loss,
    r1_penalty,
    wasserstein_loss,
)
from dlbook.models.googlenet import GoogLeNet, Inception
from dlbook.models.gpt import GPT, CausalSelfAttention, GPTBlock, KeyValueCache
from dlbook.models.lenet import LeNet
from dlbook.models.masked_autoencoder import MaskedAutoencoder
from dlbook.models.mlp import MLP, Perceptron
from dlbook.models.noise_unet import NoiseUNet
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
from dlbook.models.vae import (
    VAE,
    VAEOutput,
    draw_code,
    evidence_lower_bound,
    gaussian_kl,
    importance_weighted_bound,
    vae_loss,
)
from dlbook.models.vgg import VGG, vgg16

__all__ = [
    "FCN",
    "GPT",
    "MLP",
    "VAE",
    "VGG",
    "Autoencoder",
    "BasicBlock",
    "Bottleneck",
    "CausalSelfAttention",
    "CharRNN",
    "ConvAutoencoder",
    "CycleGAN",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "DetectionLoss",
    "Detections",
    "Detector",
    "Diffusion",
    "Discriminator",
    "EncoderDecoder",
    "Forecaster",
    "GPTBlock",
    "Generator",
    "GoogLeNet",
    "Inception",
    "KeyValueCache",
    "LeNet",
    "MaskedAutoencoder",
    "NoiseUNet",
    "PatchDiscriminator",
    "Perceptron",
    "ResNet",
    "ResidualTranslator",
    "Seq2Seq",
    "Seq2SeqTransformer",
    "SimCLR",
    "Tagger",
    "TextClassifier",
    "TokenEncoder",
    "UNet",
    "VAEOutput",
    "beam_search",
    "best_path",
    "bilinear_upsampling",
    "bio_transitions",
    "box_area",
    "box_iou",
    "choose_token",
    "contractive_penalty",
    "decode_boxes",
    "discriminator_loss",
    "draw_code",
    "encode_boxes",
    "evidence_lower_bound",
    "gaussian_kl",
    "generator_loss",
    "gradient_penalty",
    "greedy_search",
    "grid_anchors",
    "importance_weighted_bound",
    "least_squares_loss",
    "match_anchors",
    "noise_levels",
    "non_maximum_suppression",
    "nt_xent_loss",
    "r1_penalty",
    "resnet18",
    "resnet34",
    "resnet50",
    "sigmoid_focal_loss",
    "small_resnet",
    "sparsity_penalty",
    "token_probabilities",
    "vae_loss",
    "vgg16",
    "wasserstein_loss",
]
