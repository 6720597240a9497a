"""A drop-in for ``torch.nn``, written to be read.

Layers and losses have the names, arguments, defaults, state dicts and values of
torch's; :func:`to_torch` swaps them for torch's own. What torch accepts with a warning
or broadcasts, they refuse in words, and an argument they leave out is never ignored.
"""

from torch.nn import Module, ModuleDict, ModuleList, Parameter, Sequential

from dlbook.nn import init as init
from dlbook.nn.activations import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from dlbook.nn.additive_attention import AdditiveAttention
from dlbook.nn.attention import (
    DotProductAttention,
    attention_weights,
    scaled_dot_product_attention,
)
from dlbook.nn.batch_norm import BatchNorm1d, BatchNorm2d
from dlbook.nn.binary_cross_entropy import BCELoss, BCEWithLogitsLoss
from dlbook.nn.conv import Conv1d, Conv2d
from dlbook.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d
from dlbook.nn.cross_entropy import CrossEntropyLoss, NLLLoss
from dlbook.nn.dropout import Dropout, Dropout2d
from dlbook.nn.embedding import Embedding
from dlbook.nn.linear import Flatten, Identity, Linear
from dlbook.nn.losses import HuberLoss, KLDivLoss, L1Loss, MSELoss
from dlbook.nn.multihead_attention import MultiheadAttention
from dlbook.nn.normalization import GroupNorm, LayerNorm, RMSNorm
from dlbook.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from dlbook.nn.position import (
    LearnedPositionalEncoding,
    RotaryPositionalEncoding,
    SinusoidalPositionalEncoding,
)
from dlbook.nn.recurrent import GRU, LSTM, RNN
from dlbook.nn.recurrent_cells import GRUCell, LSTMCell, RNNCell
from dlbook.nn.transformer import Transformer
from dlbook.nn.transformer_layers import (
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)
from dlbook.nn.transformer_stacks import TransformerDecoder, TransformerEncoder
from dlbook.nn.twin import to_torch
from dlbook.nn.unpooling import MaxUnpool2d
from dlbook.nn.upsampling import Upsample

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAvgPool2d",
    "AdditiveAttention",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "DotProductAttention",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GroupNorm",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositionalEncoding",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "MaxUnpool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "NLLLoss",
    "Parameter",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "RotaryPositionalEncoding",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SinusoidalPositionalEncoding",
    "Softmax",
    "Softplus",
    "Tanh",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "Upsample",
    "attention_weights",
    "scaled_dot_product_attention",
    "to_torch",
]
