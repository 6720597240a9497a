"""Every layer against its torch twin, from the table in ``tests/cases.py``."""

import inspect
import itertools
import re
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from tests.cases import (
    CASES,
    LOSSES,
    UNPOOL,
    Case,
    numbers,
    positive,
    public_classes,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Using padding='same' with even", "ignore:dropout2d. Received a 3D input"
)

# what layers inherit from, no layer itself
BASES = {"Convolution", "Loss", "Normalization", "Recurrence", "TransformerLayer"}
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "Parameter", "Sequential"}
# more inputs than one, or more outputs: the table has no room for them
FILES = {
    "test_attention.py": "AdditiveAttention DotProductAttention MultiheadAttention",
    "test_recurrent.py": "RNN LSTM GRU RNNCell LSTMCell GRUCell",
    "test_position.py": "LearnedPositionalEncoding RotaryPositionalEncoding "
    "SinusoidalPositionalEncoding",
    "test_transformer.py": "Transformer TransformerDecoder TransformerDecoderLayer "
    "TransformerEncoder TransformerEncoderLayer",
}
OWN_FILE = {name: file for file, names in FILES.items() for name in names.split()}
# no twin, one whose signature says (*args, **kwargs), or one compared in its own file
OTHER_SIGNATURE = set(OWN_FILE) - {"MultiheadAttention"}
OTHER_SIGNATURE -= {"RNNCell", "LSTMCell", "GRUCell", "TransformerDecoder"}
LAYERS = sorted(
    name
    for name in nn.__all__
    if isinstance(getattr(nn, name), type) and name not in CONTAINERS
)
WITH_OR_WITHOUT_BATCH = [
    case for case in CASES if "Conv" in case.name or "Pool" in case.name
]

SHORTER = [(torch.float32, 1e-5), (torch.bfloat16, 0.03), (torch.float16, 0.004)]

cases = pytest.mark.parametrize("case", CASES, ids=str)


def pair(case: Case, dtype=torch.float64):
    """Make ours and torch's with the same weights and running statistics."""
    ours = case.make(nn).to(dtype)
    theirs = case.make(torch.nn).to(dtype)
    for seed, parameter in enumerate(ours.parameters()):
        parameter.data = numbers(*parameter.shape, seed=seed + 10).to(dtype)
    for seed, buffer in enumerate(ours.buffers()):
        buffer.copy_(positive(*buffer.shape, seed=seed) if buffer.ndim else 3)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def outcome(layer, input, seed=1):
    """Run forward and backward: the output, every gradient there is, the buffers."""
    input = input.clone().requires_grad_(input.is_floating_point())
    output = layer(input)
    output.backward(numbers(*output.shape, seed=seed).to(output.dtype))
    gradients = [leaf.grad for leaf in (input, *layer.parameters())]
    return [output.detach(), *(g for g in gradients if g is not None), *layer.buffers()]


def test_every_public_layer_and_loss_has_a_row_or_a_file_of_its_own():
    rows = {case.name for case in (*CASES, *LOSSES, *UNPOOL)}
    assert rows | set(OWN_FILE) == set(LAYERS)
    for name, file in OWN_FILE.items():
        assert name in Path(__file__).with_name(file).read_text()


def test_every_layer_is_written_here_and_can_be_imported_from_the_package():
    assert public_classes(nn, nn.Module) - BASES == set(LAYERS)


def test_the_sizes_of_an_input_are_pairwise_distinct():
    for case in itertools.chain(CASES, LOSSES, UNPOOL):
        assert len(set(case.shape)) == len(case.shape), case


@cases
def test_output_and_all_gradients_equal_torchs(case):
    ours, theirs = pair(case)
    input = case.draw()
    for mine, other in zip(outcome(ours, input), outcome(theirs, input), strict=True):
        assert_close(mine, other, rtol=1e-10, atol=1e-12)


@cases
def test_output_in_shorter_types_is_torchs_up_to_rounding(case):
    for dtype, tolerance in SHORTER:
        ours, theirs = pair(case, dtype)
        input = case.draw(dtype)
        for mine, other in zip(
            outcome(ours, input), outcome(theirs, input), strict=True
        ):
            assert mine.dtype == other.dtype
            assert mine.dtype in (dtype, torch.int64)  # the latter counts batches
            largest = max(other.abs().max().item(), 1.0) if other.numel() else 1.0
            assert_close(mine, other, rtol=tolerance, atol=tolerance * largest)


@cases
def test_the_output_is_laid_out_in_memory_as_torchs(case):
    ours, theirs = pair(case)
    input = case.draw()
    assert ours(input).stride() == theirs(input).stride()


@cases
def test_state_dicts_go_both_ways(case):
    ours = getattr(nn, case.name)(**case.arguments)
    theirs = getattr(torch.nn, case.name)(**case.arguments)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)
    theirs.load_state_dict(getattr(nn, case.name)(**case.arguments).state_dict())


@cases
def test_first_weights_equal_torchs_under_the_same_seed(case):
    drawn = []
    for source in (nn, torch.nn):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            layer = getattr(source, case.name)(**case.arguments)
            drawn.append((layer.state_dict(), torch.rand(1)))
    assert_close(drawn[0], drawn[1], rtol=0, atol=0)


@cases
def test_it_describes_itself_as_torchs_does(case):
    ours = getattr(nn, case.name)(**case.arguments)
    assert repr(ours) == repr(getattr(torch.nn, case.name)(**case.arguments))


@pytest.mark.parametrize("case", [c for c in CASES if c.wrong is not None], ids=str)
def test_a_wrong_shape_is_refused_in_words(case):
    layer = getattr(nn, case.name)(**case.arguments)
    shape = re.escape(str(case.wrong))
    sizes = "|".join(map(str, case.wrong))
    with pytest.raises(ValueError, match=rf"{shape}|not fit into ({sizes}) elements"):
        layer(torch.zeros(case.wrong))


@pytest.mark.parametrize("case", WITH_OR_WITHOUT_BATCH, ids=str)
def test_batched_input_changes_nothing_for_each_sample(case):
    ours, _ = pair(case)
    unbatched = 2 if case.name.endswith("1d") else 3
    input = numbers(3, *case.shape[-unbatched:])
    together = ours(input)
    apart = torch.stack([ours(sample) for sample in input])
    assert_close(together, apart, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in LAYERS if n not in OTHER_SIGNATURE])
def test_arguments_and_defaults_are_torchs(name):
    def arguments(layer):
        parameters = inspect.signature(layer).parameters.values()
        return [(p.name, p.default, p.kind) for p in parameters]

    assert arguments(getattr(nn, name)) == arguments(getattr(torch.nn, name))


@pytest.mark.parametrize("name", ["Linear", "Conv1d", "Conv2d", "ConvTranspose1d"])
def test_device_and_dtype_reach_the_parameters(name):
    sizes = (3, 4) if name == "Linear" else (3, 4, 2)
    layer = getattr(nn, name)(*sizes, device="meta", dtype=torch.bfloat16)
    for parameter in layer.parameters():
        assert parameter.device.type == "meta"
        assert parameter.dtype == torch.bfloat16


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=1),
        nn.MaxPool2d(2, return_indices=True),
        nn.Upsample(scale_factor=1.5),
        nn.Upsample((7, 5), mode="bilinear"),
    ],
    ids=str,
)
def test_what_a_layer_makes_itself_is_on_the_device_of_its_input(layer):
    image = numbers(2, 3, 4, 6).float()
    expected = layer(image)
    output = layer.to("meta")(image.to("meta"))
    for mine, other in zip(output, expected, strict=True):  # a batch, or a pair
        assert mine.device.type == "meta"
        assert mine.shape == other.shape
