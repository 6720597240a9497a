"""Attention equals torch's for every kind of mask, and keeps its laws."""

import itertools
import math
import re

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from dlbook import nn
from tests.cases import numbers

BATCH, HEADS, ASKED, KNOWN, SIZE = 2, 4, 5, 7, 8
EXACT = {"rtol": 1e-10, "atol": 1e-12}


def mask(kind, *shape, seed=5):
    """Draw a mask in torch.nn's sense: True is masked, numbers are added."""
    drawn = numbers(*shape, seed=seed)
    if kind == "float":
        return drawn
    hidden = drawn > 0.5
    hidden[..., 0] = False  # something is left for every query
    return hidden


def triple(asked=ASKED, known=KNOWN):
    """Draw a query, keys and values of pairwise distinct sizes."""
    return (
        numbers(BATCH, HEADS, asked, 3, seed=1),
        numbers(BATCH, HEADS, known, 3, seed=2),
        numbers(BATCH, HEADS, known, 6, seed=3),
    )


def outcome(function, *leaves):
    """Run forward and backward: all outputs, and the gradient of every leaf."""
    leaves = [leaf.clone().requires_grad_() for leaf in leaves]
    outputs = [output for output in function(*leaves) if output is not None]
    total = sum((out * numbers(*out.shape, seed=9)).sum() for out in outputs)
    return [*outputs, *torch.autograd.grad(total, leaves)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": ~mask("bool", ASKED, KNOWN)},
        {"attn_mask": ~mask("bool", BATCH, 1, 1, KNOWN)},
        {"attn_mask": mask("float", BATCH, HEADS, ASKED, KNOWN)},
    ],
    ids=["plain", "causal", "scale", "mask", "padding", "float"],
)
def test_the_function_and_its_gradients_equal_torchs(options):
    def ours(*leaves):
        return [nn.scaled_dot_product_attention(*leaves, **options)]

    def theirs(*leaves):
        return [F.scaled_dot_product_attention(*leaves, **options)]

    assert_close(outcome(ours, *triple()), outcome(theirs, *triple()), **EXACT)


LAYOUTS = [
    {"batch_first": True},
    {"batch_first": False},
    {"batch_first": True, "bias": False},
    {"kdim": 3, "vdim": 6},
    {"kdim": 3, "vdim": 6, "batch_first": True, "bias": False},
    {"vdim": 6, "batch_first": True},
]


def layers(arguments):
    """Make ours and torch's with the same weights."""
    ours = nn.MultiheadAttention(SIZE, HEADS, **arguments).double()
    theirs = torch.nn.MultiheadAttention(SIZE, HEADS, **arguments).double()
    for seed, parameter in enumerate(ours.parameters()):
        parameter.data = numbers(*parameter.shape, seed=seed + 10)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def inputs(layer, batched=True):
    """Draw a query, keys and values in the layout that a layer asks for."""
    sizes = (SIZE, layer.kdim, layer.vdim)
    times = (ASKED, KNOWN, KNOWN)
    drawn = []
    for seed, (time, size) in enumerate(zip(times, sizes, strict=True)):
        shape = (BATCH, time, size) if layer.batch_first else (time, BATCH, size)
        shape = shape if batched else (time, size)
        drawn.append(numbers(*shape, seed=seed))
    return drawn


def assert_layers_agree(ours, theirs, given, **options):
    def run(layer):
        weights = list(layer.parameters())

        def function(*leaves):
            return layer(*leaves, **options)

        found = outcome(function, *given)
        output, _ = layer(*given, **options)
        total = (output * numbers(*output.shape, seed=4)).sum()
        return [*found, *torch.autograd.grad(total, weights)]

    assert_close(run(ours), run(theirs), **EXACT)


@pytest.mark.parametrize("arguments", LAYOUTS, ids=str)
@pytest.mark.parametrize("batched", [True, False])
def test_outputs_weights_and_all_gradients_equal_torchs(arguments, batched):
    ours, theirs = layers(arguments)
    given = inputs(ours, batched)
    for average in (True, False):
        assert_layers_agree(ours, theirs, given, average_attn_weights=average)
    assert_layers_agree(ours, theirs, given, need_weights=False)


@pytest.mark.parametrize("padding", [None, "bool", "float"])
@pytest.mark.parametrize("kind", [None, "bool", "float"])
@pytest.mark.parametrize("heads", [False, True])
@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")
def test_every_mix_of_masks_equals_torchs(padding, kind, heads):
    ours, theirs = layers({"batch_first": True})
    shape = (BATCH * HEADS, ASKED, KNOWN) if heads else (ASKED, KNOWN)
    options = {
        "key_padding_mask": padding and mask(padding, BATCH, KNOWN),
        "attn_mask": kind and mask(kind, *shape, seed=6),
    }
    assert_layers_agree(ours, theirs, inputs(ours), **options)
    if padding == kind:  # torch's fast path wants one type
        options["need_weights"] = False
        assert_layers_agree(ours, theirs, inputs(ours), **options)


def test_keys_that_are_queries_may_have_values_of_their_own():
    ours, theirs = layers({"batch_first": True})
    x, value = numbers(BATCH, ASKED, SIZE), numbers(BATCH, ASKED, SIZE, seed=1)
    assert_close(ours(x, x, value), theirs(x, x, value), **EXACT)


def test_types_may_differ_inside_autocast():
    query, key, value = (x.float() for x in triple())
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = (
            source.scaled_dot_product_attention(query, key.bfloat16(), value)
            for source in (nn, F)
        )
    assert ours.dtype == theirs.dtype
    assert_close(ours, theirs, rtol=0.03, atol=0.03)


def test_torchs_layout_in_memory_is_kept_where_it_is_contiguous():
    for batch_first in (True, False):
        layer = nn.MultiheadAttention(SIZE, HEADS, batch_first=batch_first).double()
        assert layer(*inputs(layer))[0].is_contiguous()


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("arguments", LAYOUTS, ids=str)
def test_shorter_types_and_autocast_give_torchs_types(arguments, dtype, autocast):
    ours = nn.MultiheadAttention(SIZE, HEADS, **arguments)
    theirs = torch.nn.MultiheadAttention(SIZE, HEADS, **arguments)
    for seed, parameter in enumerate(ours.parameters()):  # as large as the first are
        parameter.data = 0.3 * numbers(*parameter.shape, seed=seed + 10).float()
    theirs.load_state_dict(ours.state_dict())
    results = []
    for layer in (ours, theirs):
        layer.to(torch.float32 if autocast else dtype)
        leaves = [x.to(dtype).requires_grad_() for x in inputs(layer)]
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            output, weights = layer(*leaves, attn_mask=mask("bool", ASKED, KNOWN))
        (output.float() * numbers(*output.shape).float()).sum().backward()
        gradients = [leaf.grad for leaf in (*leaves, *layer.parameters())]
        results.append([output, weights, *gradients])
    for mine, other in zip(*results, strict=True):
        assert mine.dtype == other.dtype
        largest = max(other.abs().max().item(), 1)
        tolerance = 1e-5 if output.dtype == torch.float32 else 0.03
        assert_close(mine, other, rtol=tolerance, atol=tolerance * largest)


@pytest.mark.parametrize("sizes", [(0, 5, 7), (2, 0, 7), (2, 5, 0)], ids=str)
def test_what_is_empty_gives_what_torch_gives(sizes):
    batch, asked, known = sizes
    ours, theirs = layers({"batch_first": True})
    query, key = numbers(batch, asked, SIZE), numbers(batch, known, SIZE)
    for layer in (ours, theirs):
        layer.zero_grad()
        layer(query, key, key)[0].sum().backward()
    assert_close(ours(query, key, key), theirs(query, key, key), **EXACT)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(mine.grad, other.grad, **EXACT)


def test_a_mask_without_a_batch_equals_torchs():
    ours, theirs = layers({"batch_first": True})
    options = {"key_padding_mask": mask("bool", KNOWN)}
    options["attn_mask"] = mask("bool", HEADS, ASKED, KNOWN, seed=6)
    assert_layers_agree(ours, theirs, inputs(ours, batched=False), **options)


def test_self_attention_by_one_product_equals_torchs():
    for batch_first, bias in itertools.product((True, False), repeat=2):
        ours, theirs = layers({"batch_first": batch_first, "bias": bias})
        x = inputs(ours)[0]
        causal = torch.ones(ASKED, ASKED, dtype=torch.bool).triu(1)
        for options in ({}, {"attn_mask": causal, "is_causal": True}):
            results = [
                outcome(lambda leaf, n=layer: n(leaf, leaf, leaf, **options), x)  # noqa: B023
                for layer in (ours, theirs)
            ]
            assert_close(*results, **EXACT)


@pytest.mark.parametrize("arguments", LAYOUTS, ids=str)
def test_first_weights_names_and_twin_are_torchs(arguments):
    made = []
    for source in (nn, torch.nn):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            layer = source.MultiheadAttention(SIZE, HEADS, dropout=0.2, **arguments)
            made.append((layer, torch.rand(1)))
    (ours, mine), (theirs, other) = made
    assert torch.equal(mine, other)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)
    twin = nn.to_torch(ours)
    assert type(twin) is torch.nn.MultiheadAttention
    assert twin.out_proj.weight is ours.out_proj.weight
    assert twin.dropout == 0.2
    given = [x.float() for x in inputs(ours)]
    assert_close(ours.eval()(*given), twin.eval()(*given), rtol=1e-5, atol=1e-6)


def test_dropout_silences_weights_in_training_only():
    layer = nn.MultiheadAttention(SIZE, HEADS, dropout=0.4, batch_first=True)
    x = torch.randn(50, 30, SIZE)
    _, weights = layer(x, x, x, average_attn_weights=False)
    assert abs((weights == 0).float().mean() - 0.4) < 0.01
    assert abs(weights.sum(-1).mean() - 1) < 0.02
    _, weights = layer.eval()(x, x, x)
    assert_close(weights.sum(-1), torch.ones(50, 30))


def test_the_layer_without_parameters_equals_the_function_and_torchs_kernel():
    layer = nn.DotProductAttention(dropout=0.3).eval()
    twin = nn.to_torch(layer)
    for options in ({}, {"is_causal": True}, {"attn_mask": ~mask("bool", 5, 7)}):
        expected = nn.scaled_dot_product_attention(*triple(), **options)
        assert_close(layer(*triple(), **options), expected, rtol=0, atol=0)
        assert_close(twin(*triple(), **options), expected, **EXACT)
    for module in (layer.train(), twin.train()):
        output = module(*[torch.ones(20, 30, 40)] * 3)
        assert output.std() > 0.01
        assert abs(output.mean() - 1) < 0.05


def test_weights_are_not_negative_and_sum_to_one():
    query, key, _ = triple()
    for options in ({}, {"is_causal": True}, {"attn_mask": ~mask("bool", 5, 7)}):
        weights = nn.attention_weights(query, key, **options)
        assert (weights >= 0).all()
        assert_close(weights.sum(-1), torch.ones(BATCH, HEADS, ASKED).double())


def test_a_query_with_nothing_to_attend_to_gets_zeros_and_finite_gradients():
    allowed = torch.ones(ASKED, KNOWN, dtype=torch.bool)
    allowed[2] = False
    added = torch.zeros(ASKED, KNOWN).masked_fill(~allowed, -math.inf).double()
    for attn_mask in (allowed, added):

        def attend(*leaves, attn_mask=attn_mask):
            return [nn.scaled_dot_product_attention(*leaves, attn_mask)]

        output, *gradients = outcome(attend, *triple())
        assert (output[:, :, 2] == 0).all()
        assert (output[:, :, 1] != 0).all()
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert (gradients[0][:, :, 2] == 0).all()


def test_a_padded_batch_of_nothing_gives_the_bias_of_the_last_projection():
    ours, _ = layers({"batch_first": True})
    hidden = torch.tensor([[False] * KNOWN, [True] * KNOWN])
    output, weights = ours(*inputs(ours), key_padding_mask=hidden)
    assert (weights[1] == 0).all()
    assert_close(output[1], ours.out_proj.bias.expand(ASKED, SIZE))


def test_the_future_does_not_change_the_past():
    query, key, value = triple(asked=KNOWN)
    before = nn.scaled_dot_product_attention(query, key, value, is_causal=True)
    key[:, :, 4:], value[:, :, 4:] = 7.0, -3.0
    after = nn.scaled_dot_product_attention(query, key, value, is_causal=True)
    assert_close(after[:, :, :4], before[:, :, :4], rtol=0, atol=0)
    assert not torch.equal(after[:, :, 4:], before[:, :, 4:])


def test_a_mask_and_causality_may_be_combined():
    query, key, value = triple(asked=KNOWN)
    allowed = ~mask("bool", KNOWN, KNOWN)
    both = nn.scaled_dot_product_attention(query, key, value, allowed, is_causal=True)
    merged = allowed & torch.ones(KNOWN, KNOWN, dtype=torch.bool).tril()
    expected = nn.scaled_dot_product_attention(query, key, value, merged)
    assert_close(both, expected, rtol=0, atol=0)


def test_the_order_of_keys_does_not_matter_and_that_of_queries_is_kept():
    query, key, value = triple()
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    expected = nn.scaled_dot_product_attention(query, key, value)
    shuffled = nn.scaled_dot_product_attention(
        query[:, :, [4, 1, 0, 3, 2]], key[:, :, order], value[:, :, order]
    )
    assert_close(shuffled, expected[:, :, [4, 1, 0, 3, 2]], **EXACT)


def test_leading_axes_are_broadcast_as_torch_does():
    query, key, value = numbers(2, 4, 5, 3), numbers(4, 7, 3), numbers(2, 1, 7, 6)
    ours = nn.scaled_dot_product_attention(query, key, value)
    key, value = key.expand(2, 4, 7, 3), value.expand(2, 4, 7, 6)
    assert_close(ours, F.scaled_dot_product_attention(query, key, value), **EXACT)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_float32_mask_may_meet_shorter_types_as_in_torch(dtype):
    given = [x.to(dtype) for x in triple()]
    added = mask("float", ASKED, KNOWN).float()
    ours = nn.scaled_dot_product_attention(*given, added)
    theirs = F.scaled_dot_product_attention(*given, added)
    assert ours.dtype == theirs.dtype == dtype
    assert_close(ours, theirs, rtol=0.03, atol=0.03)


def test_first_weights_of_additive_attention_stay_in_the_usual_bounds():
    layer = nn.AdditiveAttention(64, 16, 25)
    for weight, fan_in in zip(layer.parameters(), (64, 16, 25), strict=True):
        bound = 1 / math.sqrt(fan_in)
        assert 0.8 * bound < weight.abs().max() <= bound
    before = layer.score_weight.clone()
    layer.reset_parameters()
    assert (layer.score_weight != before).all()


def test_scaling_keeps_the_variance_of_the_scores_near_one():
    for size in (16, 256):
        query, key = numbers(400, size, seed=1), numbers(300, size, seed=2)
        weights = nn.attention_weights(query, key)
        logits = weights.log() - weights.log().mean(-1, keepdim=True)
        assert abs(logits.var() - 1) < 0.1


def test_additive_attention_is_the_papers_formula_in_loops():
    layer = nn.AdditiveAttention(3, 4, 6).double()
    query, key, value = numbers(2, 5, 3), numbers(2, 7, 4), numbers(2, 7, 8)
    allowed = ~mask("bool", 2, 1, 7)
    output, weights = layer(query, key, value, allowed)
    for b, i in itertools.product(range(2), range(5)):
        scores = torch.full((7,), -math.inf, dtype=torch.float64)
        for j in range(7):
            hidden = layer.query_weight @ query[b, i] + layer.key_weight @ key[b, j]
            if allowed[b, 0, j]:
                scores[j] = layer.score_weight[0] @ hidden.tanh()
        assert_close(weights[b, i], scores.softmax(0), **EXACT)
        assert_close(output[b, i], scores.softmax(0) @ value[b], **EXACT)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: nn.attention_weights(numbers(5, 3), numbers(7, 4)),
            ValueError,
            "(5, 3) and (7, 4)",
        ),
        (
            lambda: nn.attention_weights(numbers(3), numbers(7, 3)),
            ValueError,
            "(3,) and (7, 3)",
        ),
        (
            lambda: nn.scaled_dot_product_attention(*triple()[:2], numbers(6, 8)),
            ValueError,
            "each of 7 keys, got (6, 8)",
        ),
        (
            lambda: nn.attention_weights(*triple()[:2], attn_mask=torch.ones(4, 7) > 0),
            ValueError,
            "broadcastable to (2, 4, 5, 7), got (4, 7)",
        ),
        (
            lambda: nn.attention_weights(
                *triple()[:2], attn_mask=torch.ones(5, 7).int()
            ),
            TypeError,
            "boolean, float32 or of the scores' type torch.float64, got torch.int32",
        ),
        (
            lambda: nn.attention_weights(numbers(5, 3), numbers(3)),
            ValueError,
            "query (5, 3), got (3,)",
        ),
        (
            lambda: nn.attention_weights(numbers(2, 5, 3), numbers(4, 7, 3)),
            ValueError,
            "query (2, 5, 3), got (4, 7, 3)",
        ),
        (
            lambda: nn.attention_weights(numbers(5, 3), numbers(7, 3).float()),
            TypeError,
            "key of the input's type torch.float64, got torch.float32",
        ),
        (
            lambda: nn.attention_weights(numbers(5, 3), numbers(7, 3).to("meta")),
            ValueError,
            "meta",
        ),
        (
            lambda: nn.scaled_dot_product_attention(*triple()[:2], numbers(7)),
            ValueError,
            "value (..., time, size) with the leading axes of the query (2, 4, 5, 3)",
        ),
        (
            lambda: nn.scaled_dot_product_attention(
                *triple()[:2], torch.ones(7, 6).long()
            ),
            TypeError,
            "floating-point value, got torch.int64",
        ),
        (
            lambda: nn.attention_weights(
                *triple()[:2], attn_mask=torch.ones(1, 2, 4, 5, 7)
            ),
            ValueError,
            "broadcastable to (2, 4, 5, 7), got (1, 2, 4, 5, 7)",
        ),
        (
            lambda: nn.attention_weights(
                *triple()[:2], attn_mask=torch.ones(5, 7).half()
            ),
            TypeError,
            "got torch.float16",
        ),
        (
            lambda: nn.attention_weights(torch.ones(5, 3).long(), numbers(7, 3)),
            TypeError,
            "floating-point query, got torch.int64",
        ),
        (lambda: nn.DotProductAttention(1.5), ValueError, "1.5"),
        (lambda: nn.MultiheadAttention(8, 3), ValueError, "multiple of num_heads"),
        (lambda: nn.MultiheadAttention(8, 4, dropout=1.5), ValueError, "1.5"),
        (lambda: nn.MultiheadAttention(8, 4, kdim=0), ValueError, "kdim"),
        (lambda: nn.MultiheadAttention(8, 4, vdim=0), ValueError, "vdim"),
        (
            lambda: nn.MultiheadAttention(8, 4, add_bias_kv=True),
            NotImplementedError,
            "add_bias_kv",
        ),
        (
            lambda: nn.MultiheadAttention(8, 4, add_zero_attn=True),
            NotImplementedError,
            "add_zero_attn",
        ),
        (lambda: nn.AdditiveAttention(3, 0, 5), ValueError, "key_dim"),
        (lambda: nn.AdditiveAttention(3, 4, 0), ValueError, "hidden_dim"),
        (lambda: nn.AdditiveAttention(0, 4, 5), ValueError, "query_dim"),
        (
            lambda: nn.AdditiveAttention(3, 4, 6)(*[torch.zeros(2, 5, 3).long()] * 3),
            TypeError,
            "floating-point query",
        ),
        (
            lambda: nn.AdditiveAttention(3, 4, 6)(*[numbers(2, 5, 3)] * 3),
            TypeError,
            "float32, but its input is torch.float64",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=re.escape(words)):
        call()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": numbers(2, 5, 7)}, "query of shape (time, 8)"),
        ({"key": numbers(2, 7, 9)}, "key of shape (time, 8)"),
        ({"value": numbers(2, 6, 8)}, "a value for each key"),
        ({"key": numbers(3, 7, 8), "value": numbers(3, 7, 8)}, "one batch"),
        ({"query": numbers(5, 8)}, "query (5, 8)"),
        (
            {"query": numbers(1, 5, 8), "key": numbers(7, 8), "value": numbers(7, 8)},
            "query (1, 5, 8), key (7, 8)",
        ),
        (dict.fromkeys(("query", "key", "value"), numbers(3, 2, 5, 8)), "(3, 2, 5, 8)"),
        ({"attn_mask": torch.ones(7, 5)}, "(5, 7) or (8, 5, 7), got (7, 5)"),
        ({"attn_mask": torch.ones(2, 5, 7)}, "(5, 7) or (8, 5, 7), got (2, 5, 7)"),
        ({"key_padding_mask": torch.ones(2, 5)}, "(2, 7), got (2, 5)"),
        ({"is_causal": True}, "attn_mask with is_causal"),
    ],
)
def test_multi_head_attention_refuses_wrong_shapes_in_words(change, words):
    layer, _ = layers({"batch_first": True})
    query, key, value = inputs(layer)
    with pytest.raises(ValueError, match=re.escape(words)):
        layer(**{"query": query, "key": key, "value": value, **change})


def test_a_padding_mask_without_a_batch_is_refused_in_its_own_shape():
    layer, _ = layers({"batch_first": True})
    with pytest.raises(ValueError, match=r"\(7,\), got \(5,\)"):
        layer(*inputs(layer, batched=False), key_padding_mask=torch.ones(5))
    with pytest.raises(ValueError, match=r"\(7,\), got \(1, 7\)"):
        layer(*inputs(layer, batched=False), key_padding_mask=torch.ones(1, 7))


def test_masks_that_are_no_tensors_are_refused_in_words():
    layer, _ = layers({"batch_first": True})
    given = inputs(layer)
    for name in ("attn_mask", "key_padding_mask"):
        with pytest.raises(TypeError, match=name):
            layer(*given, **{name: [[True] * KNOWN] * ASKED})
    with pytest.raises(TypeError, match="attn_mask"):
        nn.attention_weights(*triple()[:2], attn_mask=[True] * KNOWN)


def test_device_and_dtype_reach_every_parameter():
    for arguments in LAYOUTS:
        given = arguments | {"device": "meta", "dtype": torch.bfloat16}
        for parameter in nn.MultiheadAttention(SIZE, HEADS, **given).parameters():
            assert parameter.device.type == "meta"
            assert parameter.dtype == torch.bfloat16


def test_masks_are_made_on_the_device_of_the_input():
    query, key, _ = triple()
    with torch.device("meta"):  # where tensors are made that nobody says otherwise of
        elsewhere = nn.attention_weights(query, key, is_causal=True)
    assert elsewhere.device.type == "cpu"
    given = [x.to("meta") for x in triple(asked=KNOWN)]
    output = nn.scaled_dot_product_attention(*given, is_causal=True)
    assert output.device.type == "meta"
    layer = nn.MultiheadAttention(SIZE, HEADS, device="meta")
    hidden = {"key_padding_mask": torch.zeros(BATCH, KNOWN, device="meta").bool()}
    hidden["attn_mask"] = torch.zeros(ASKED, KNOWN, device="meta")
    output, _ = layer(*(x.float().to("meta") for x in inputs(layer)), **hidden)
    assert output.device.type == "meta"


def test_multi_head_attention_refuses_wrong_types_in_words():
    layer, _ = layers({"batch_first": True})
    query, key, value = inputs(layer)
    with pytest.raises(TypeError, match=r"float64, but its input is torch\.float32"):
        layer(query.float(), key, value)
    with pytest.raises(TypeError, match=r"type torch\.float64, got torch\.int64"):
        layer(query, key, value, key_padding_mask=torch.ones(2, 7).long())


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((2, 5, 4), (2, 7, 4), (2, 7, 8)), "query of shape (batch, time, 3)"),
        (((2, 5, 3), (2, 7, 3), (2, 7, 8)), "key of shape (batch, time, 4)"),
        (((2, 5, 3), (2, 7, 4), (2, 6, 8)), "a value for each key"),
        (((2, 5, 3), (3, 7, 4), (3, 7, 8)), "one batch"),
        (((5, 3), (2, 7, 4), (2, 7, 8)), "(5, 3)"),
    ],
)
def test_additive_attention_refuses_wrong_shapes_in_words(shapes, words):
    layer = nn.AdditiveAttention(3, 4, 6)
    with pytest.raises(ValueError, match=re.escape(words)):
        layer(*(torch.zeros(shape) for shape in shapes))
