"""Transformers equal torch's for every option and mask, and keep their laws."""

import inspect
import re

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from tests.cases import numbers

BATCH, TARGET, SOURCE, SIZE = 2, 5, 7, 8
LAYER = {"d_model": SIZE, "nhead": 4, "dim_feedforward": 6, "dropout": 0.0}
EXACT = {"rtol": 1e-10, "atol": 1e-12}
OPTIONS = [
    {},
    {"batch_first": True},
    {"norm_first": True},
    {"activation": "gelu", "bias": False},
    {"activation": torch.tanh, "layer_norm_eps": 0.1},
    {"norm_first": True, "batch_first": True, "activation": "gelu"},
]
options = pytest.mark.parametrize(
    "options", OPTIONS, ids=["-".join(o) for o in OPTIONS]
)
pytestmark = [
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True"),
    pytest.mark.filterwarnings("ignore:Support for mismatched"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested"),
]


def hide(*shape, seed=5):
    """Draw a mask: True is masked, something is left for every query."""
    hidden = numbers(*shape, seed=seed) > 0.5
    hidden[..., 0] = False
    return hidden


CAUSAL = torch.ones(TARGET, TARGET, dtype=torch.bool).triu(1)
ENCODER_MASKS = [
    {},
    {"src_mask": hide(SOURCE, SOURCE)},
    {"src_mask": numbers(BATCH * 4, SOURCE, SOURCE)},
    {"src_key_padding_mask": hide(BATCH, SOURCE)},
    {
        "src_mask": torch.ones(SOURCE, SOURCE, dtype=torch.bool).triu(1),
        "is_causal": True,
    },
]
DECODER_MASKS = [
    {},
    {"tgt_mask": CAUSAL, "tgt_is_causal": True},
    {"memory_mask": hide(TARGET, SOURCE), "tgt_mask": CAUSAL},
    {
        "tgt_key_padding_mask": hide(BATCH, TARGET),
        "memory_key_padding_mask": hide(BATCH, SOURCE),
    },
]


def sequence(time, batch_first, seed):
    shape = (BATCH, time, SIZE) if batch_first else (time, BATCH, SIZE)
    return numbers(*shape, seed=seed)


def same_weights(ours, theirs):
    """Give both the same random parameters, in double precision."""
    ours, theirs = ours.double(), theirs.double()
    for seed, parameter in enumerate(ours.parameters()):
        parameter.data = 0.5 * numbers(*parameter.shape, seed=seed + 10)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def assert_same(ours, theirs, inputs, **masks):
    """Compare outputs and all gradients."""
    results = []
    for model in (ours, theirs):
        leaves = [leaf.clone().requires_grad_() for leaf in inputs]
        output = model(*leaves, **masks)
        total = (output * numbers(*output.shape, seed=9)).sum()
        gradients = torch.autograd.grad(total, [*leaves, *model.parameters()])
        results.append([output, *gradients])
    for mine, other in zip(*results, strict=True):
        assert_close(mine, other, **EXACT)


@options
@pytest.mark.parametrize("training", [True, False])
def test_encoder_layers_equal_torchs(options, training):
    ours, theirs = same_weights(
        nn.TransformerEncoderLayer(**LAYER, **options).train(training),
        torch.nn.TransformerEncoderLayer(**LAYER, **options).train(training),
    )
    input = sequence(SOURCE, options.get("batch_first"), 1)
    for masks in ENCODER_MASKS:
        assert_same(ours, theirs, [input], **masks)
    assert_same(ours, theirs, [numbers(SOURCE, SIZE)])


@options
@pytest.mark.parametrize("training", [True, False])
def test_decoder_layers_equal_torchs(options, training):
    ours, theirs = same_weights(
        nn.TransformerDecoderLayer(**LAYER, **options).train(training),
        torch.nn.TransformerDecoderLayer(**LAYER, **options).train(training),
    )
    batch_first = options.get("batch_first")
    inputs = [sequence(TARGET, batch_first, 1), sequence(SOURCE, batch_first, 2)]
    for masks in DECODER_MASKS:
        assert_same(ours, theirs, inputs, **masks)
    assert_same(ours, theirs, [numbers(TARGET, SIZE), numbers(SOURCE, SIZE)])


@options
def test_stacks_equal_torchs(options):
    stacks = []
    for source in (nn, torch.nn):
        layer = source.TransformerEncoderLayer(**LAYER, **options)
        encoder = source.TransformerEncoder(layer, 3, source.LayerNorm(SIZE))
        layer = source.TransformerDecoderLayer(**LAYER, **options)
        stacks.append((encoder, source.TransformerDecoder(layer, 2)))
    batch_first = options.get("batch_first")
    source, target = (
        sequence(SOURCE, batch_first, 1),
        sequence(TARGET, batch_first, 2),
    )
    encoders = same_weights(stacks[0][0], stacks[1][0])
    for masks in ENCODER_MASKS:
        masks = {"mask" if k == "src_mask" else k: v for k, v in masks.items()}
        assert_same(*encoders, [source], **masks)
    decoders = same_weights(stacks[0][1], stacks[1][1])
    for masks in DECODER_MASKS:
        assert_same(*decoders, [target, source], **masks)


@options
def test_whole_transformers_equal_torchs(options):
    sizes = LAYER | {"num_encoder_layers": 2, "num_decoder_layers": 3}
    made = []
    for source in (nn, torch.nn):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            made.append((source.Transformer(**sizes, **options), torch.rand(1)))
    (ours, mine), (theirs, other) = made
    assert torch.equal(mine, other)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)
    ours, theirs = same_weights(ours, theirs)
    batch_first = options.get("batch_first")
    inputs = [sequence(SOURCE, batch_first, 1), sequence(TARGET, batch_first, 2)]
    causal = nn.Transformer.generate_square_subsequent_mask(TARGET, dtype=torch.float64)
    assert_same(ours, theirs, inputs, tgt_mask=causal, tgt_is_causal=True)
    padding = hide(BATCH, SOURCE)
    masks = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding}
    masks |= {"src_mask": hide(SOURCE, SOURCE), "memory_mask": hide(TARGET, SOURCE)}
    masks |= {"tgt_key_padding_mask": hide(BATCH, TARGET), "tgt_mask": CAUSAL}
    assert_same(ours, theirs, inputs, **masks)


@options
def test_first_weights_of_layers_are_torchs(options):
    for name in ("TransformerEncoderLayer", "TransformerDecoderLayer"):
        made = []
        for source in (nn, torch.nn):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(3)
                layer = getattr(source, name)(**LAYER, **options)
                made.append((layer.state_dict(), torch.rand(1)))
        assert list(made[0][0]) == list(made[1][0])
        assert_close(made[0], made[1], rtol=0, atol=0)


def test_arguments_and_defaults_are_torchs_but_for_kernels_and_the_name_of_relu():
    for name in ("EncoderLayer", "DecoderLayer", "Encoder", "Decoder", ""):
        ours, theirs = (
            dict(inspect.signature(getattr(source, f"Transformer{name}")).parameters)
            for source in (nn, torch.nn)
        )
        for left_out in ("enable_nested_tensor", "mask_check"):
            theirs.pop(left_out, None)
        if "activation" in ours:
            assert ours.pop("activation").default == "relu"
            assert theirs.pop("activation").default is torch.nn.functional.relu
        assert [(k, p.default) for k, p in ours.items()] == [
            (k, p.default) for k, p in theirs.items()
        ]
        ours, theirs = (
            inspect.signature(getattr(source, f"Transformer{name}").forward).parameters
            for source in (nn, torch.nn)
        )
        assert [(k, p.default) for k, p in ours.items()] == [
            (k, p.default) for k, p in theirs.items()
        ]


def test_the_mask_of_the_future_is_torchs():
    ours = nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.float64)
    theirs = torch.nn.Transformer.generate_square_subsequent_mask(
        5, dtype=torch.float64
    )
    assert_close(ours, theirs)


def test_a_swapped_transformer_computes_the_same_with_torchs_layers():
    ours = nn.Transformer(**LAYER, num_encoder_layers=2, num_decoder_layers=1).double()
    twin = nn.to_torch(ours)
    kept = {type(m) for m in twin.modules() if type(m).__module__.startswith("dlbook")}
    assert kept == {nn.Transformer, nn.TransformerEncoder, nn.TransformerDecoder}
    inputs = [sequence(SOURCE, False, 1), sequence(TARGET, False, 2)]
    assert_same(ours, twin, inputs, tgt_mask=CAUSAL)


def made_of(layer):
    """Write down what a layer is made of: kinds of parts, modes, plain attributes."""
    return {
        name: [
            type(m).__name__.removeprefix("NonDynamicallyQuantizable"),
            *((k, v) for k, v in sorted(vars(m).items()) if isinstance(v, int | float)),
        ]
        for name, m in layer.named_modules()
        if name != "activation"
    }


@options
@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_the_twin_of_a_layer_is_torchs_and_shares_its_parameters(name, options):
    arguments = LAYER | options | {"dropout": 0.3}
    ours = getattr(nn, name)(**arguments)
    twin = nn.to_torch(ours)
    expected = getattr(torch.nn, name)(**arguments)
    assert type(twin) is type(expected)
    assert made_of(twin) == made_of(expected)
    assert (ours.d_model, ours.nhead) == (SIZE, 4)
    assert list(twin.state_dict()) == list(expected.state_dict())
    mine, other = dict(ours.named_parameters()), dict(twin.named_parameters())
    assert mine.keys() == other.keys()
    assert all(mine[key] is other[key] for key in mine)
    inputs = [sequence(SOURCE, True, seed).float() for seed in (1, 2)]
    inputs = inputs[:1] if "Encoder" in name else inputs
    with torch.no_grad():  # torch takes another path then
        assert_close(twin.eval()(*inputs), ours.eval()(*inputs))


def test_parts_of_a_layer_keep_their_mode_their_class_and_their_ties():
    class Doubled(nn.Linear):
        def forward(self, input):
            return 2 * super().forward(input)

    layer = nn.TransformerEncoderLayer(**LAYER)
    layer.dropout1.eval()
    layer.linear1 = Doubled(SIZE, 6)
    model = nn.Sequential(layer, layer.linear2, layer)
    twin = nn.to_torch(model)
    assert [m.training for m in twin.modules()] == [m.training for m in model.modules()]
    assert not twin[0].dropout1.training
    assert type(twin[0].linear1) is Doubled
    assert twin[0].linear2 is twin[1]
    assert twin[2] is twin[0]


def test_hooks_inside_a_layer_are_refused_not_lost():
    layer = nn.TransformerEncoderLayer(**LAYER)
    layer.self_attn.out_proj.register_forward_hook(lambda *_: None)
    with pytest.raises(ValueError, match="a Linear's hooks"):
        nn.to_torch(nn.Sequential(layer))
    layer = nn.TransformerEncoderLayer(**LAYER)
    layer.register_forward_hook(lambda *_: None)
    with pytest.raises(ValueError, match="a TransformerEncoderLayer's hooks"):
        nn.to_torch(nn.Sequential(layer))


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_shorter_types_and_autocast_give_torchs_types(name, dtype, autocast):
    ours, theirs = same_weights(
        getattr(nn, name)(**LAYER), getattr(torch.nn, name)(**LAYER)
    )
    inputs = [sequence(time, False, 1).to(dtype) for time in (TARGET, SOURCE)]
    inputs = inputs[:1] if "Encoder" in name else inputs
    outputs = []
    for layer in (ours, theirs):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            outputs.append(layer.to(torch.float32 if autocast else dtype)(*inputs))
    assert outputs[0].dtype == outputs[1].dtype
    tolerance = 1e-5 if outputs[0].dtype == dtype == torch.float32 else 0.05
    tolerance = 0.05 if autocast else tolerance
    assert_close(*outputs, rtol=tolerance, atol=tolerance)


def test_device_and_dtype_reach_every_parameter():
    given = {"device": "meta", "dtype": torch.bfloat16}
    for parameter in nn.Transformer(**LAYER, **given).parameters():
        assert parameter.device.type == "meta"
        assert parameter.dtype == torch.bfloat16


def test_the_future_does_not_change_the_past():
    model = nn.Transformer(**LAYER, num_encoder_layers=1, num_decoder_layers=2).double()
    source, target = sequence(SOURCE, False, 1), sequence(TARGET, False, 2)
    before = model(source, target, tgt_mask=CAUSAL)
    target[3:] = 5.0
    after = model(source, target, tgt_mask=CAUSAL)
    assert_close(after[:3], before[:3], **EXACT)
    assert not torch.allclose(after[3:], before[3:])


def test_without_positions_an_encoder_cannot_tell_an_order():
    layer = nn.TransformerEncoderLayer(**LAYER)
    model = nn.TransformerEncoder(layer, 2).double()
    input, order = sequence(SOURCE, False, 1), torch.randperm(SOURCE)
    assert_close(model(input[order]), model(input)[order], **EXACT)


def test_padding_changes_nothing_for_the_rest():
    layer = nn.TransformerEncoderLayer(**LAYER, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).double()
    input = sequence(SOURCE, True, 1)
    padded = torch.zeros(BATCH, SOURCE, dtype=torch.bool)
    padded[:, 4:] = True
    alone = model(input[:, :4])
    assert_close(model(input, src_key_padding_mask=padded)[:, :4], alone, **EXACT)


def test_the_layers_of_a_stack_do_not_share_their_parameters():
    layer = nn.TransformerEncoderLayer(**LAYER)
    model = nn.TransformerEncoder(layer, 3)
    weights = [part.linear1.weight for part in model.layers]
    assert len({id(weight) for weight in [*weights, layer.linear1.weight]}) == 4


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(SIZE, 4, 6, dropout=0.5)
    input = torch.randn(SOURCE, BATCH, SIZE)
    assert not torch.allclose(layer(input), layer(input))
    layer.eval()
    assert_close(layer(input), layer(input))
    decoder = nn.TransformerDecoderLayer(SIZE, 4, 6, dropout=0.5)
    assert sum(isinstance(part, nn.Dropout) for part in decoder.modules()) == 4
    assert decoder.self_attn.dropout == decoder.multihead_attn.dropout == 0.5


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_each_dropout_acts_where_torchs_does(name, norm_first):
    options = LAYER | {"norm_first": norm_first}
    ours, theirs = same_weights(
        getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
    )
    inputs = [sequence(time, False, 1) for time in (TARGET, SOURCE)]
    inputs = inputs[:1] if "Encoder" in name else inputs
    before = ours(*inputs)
    parts = [n for n, m in ours.named_modules() if isinstance(m, nn.Dropout)]
    assert len(parts) == (3 if "Encoder" in name else 4)
    for part in parts:
        for layer in (ours, theirs):
            layer.get_submodule(part).p = 1.0  # silences all: nothing is left to chance
        assert_close(ours(*inputs), theirs(*inputs), **EXACT)
        assert not torch.allclose(ours(*inputs), before)
        for layer in (ours, theirs):
            layer.get_submodule(part).p = 0.0


@pytest.mark.parametrize("hint", ["src", "tgt", "memory"])
def test_a_hint_reaches_the_attention_it_is_about(hint):
    model = nn.Transformer(**LAYER, num_encoder_layers=2, num_decoder_layers=1).double()
    source, target = sequence(SOURCE, False, 1), sequence(TARGET, False, 2)
    with pytest.raises(ValueError, match="attn_mask with is_causal"):
        model(source, target, **{f"{hint}_is_causal": True})
    mask = {
        "src": (SOURCE, SOURCE),
        "tgt": (TARGET, TARGET),
        "memory": (TARGET, SOURCE),
    }
    mask = {f"{hint}_mask": torch.ones(mask[hint], dtype=torch.bool).triu(1)}
    expected = model(source, target, **mask)
    hinted = model(source, target, **mask, **{f"{hint}_is_causal": True})
    assert_close(hinted, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.TransformerEncoderLayer(8, 3), ValueError, "multiple of num_heads"),
        (
            lambda: nn.TransformerEncoderLayer(8, 4, activation="sine"),
            ValueError,
            "activation",
        ),
        (
            lambda: nn.TransformerEncoderLayer(8, 4, dim_feedforward=0),
            ValueError,
            "dim_feedforward",
        ),
        (lambda: nn.TransformerEncoderLayer(8, 4, dropout=2.0), ValueError, "2.0"),
        (
            lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 4), 0),
            ValueError,
            "num_layers",
        ),
        (
            lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 4), 0),
            ValueError,
            "num_layers",
        ),
        (
            lambda: nn.Transformer(8, 4, custom_encoder=nn.Identity()),
            NotImplementedError,
            "custom_encoder",
        ),
        (
            lambda: nn.Transformer(8, 4, custom_decoder=nn.Identity()),
            NotImplementedError,
            "custom_decoder",
        ),
        (
            lambda: nn.Transformer(**LAYER)(
                torch.zeros(7, 2, 3, 8), torch.zeros(5, 2, 8)
            ),
            ValueError,
            "src of shape (time, 8) or with a batch, got (7, 2, 3, 8)",
        ),
        (
            lambda: nn.Transformer(**LAYER)(torch.zeros(7, 2, 6), torch.zeros(5, 2, 8)),
            ValueError,
            "src of shape (time, 8) or with a batch, got (7, 2, 6)",
        ),
        (
            lambda: nn.Transformer(**LAYER)(torch.zeros(7, 2, 8), torch.zeros(5, 2, 6)),
            ValueError,
            "tgt of shape (time, 8) or with a batch, got (5, 2, 6)",
        ),
        (
            lambda: nn.TransformerEncoderLayer(**LAYER)(
                torch.zeros(7, 2, 8), is_causal=True
            ),
            ValueError,
            "attn_mask with is_causal",
        ),
        (
            lambda: nn.TransformerEncoderLayer(**LAYER)(
                torch.zeros(7, 2, 8), torch.zeros(7, 6)
            ),
            ValueError,
            "(7, 7) or (8, 7, 7), got (7, 6)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=re.escape(words)):
        call()
