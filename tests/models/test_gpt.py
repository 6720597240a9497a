"""GPT reads from left to right, and writes the same with and without a cache."""

import re

import pytest
import torch
from torch.testing import assert_close

from dlbook import models, nn, optim
from dlbook.runtime import generator

KINDS = {
    "learned": {"bias": True},
    "rotary": {"rotary": True},
}
kinds = pytest.mark.parametrize("kind", list(KINDS))


def make(kind, context=12, **more):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        options = {"d_model": 16, "num_heads": 2, "num_layers": 3} | KINDS[kind] | more
        model = models.GPT(11, context, **options).double().eval()
        with torch.no_grad():  # far from the start, where all tokens are alike
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def text(batch=3, time=7):
    return torch.randint(11, (batch, time), generator=generator(1))


@kinds
def test_the_future_does_not_change_the_past(kind):
    model, tokens = make(kind), text()
    before = model(tokens)
    tokens[:, 4:] = 0
    after = model(tokens)
    assert_close(after[:, :4], before[:, :4], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(after[:, 4:], before[:, 4:])


@kinds
@pytest.mark.parametrize("sizes", [(1,) * 7, (3, 4), (5, 1, 1), (7,)], ids=str)
def test_reading_in_parts_with_a_cache_gives_the_same_scores(kind, sizes):
    model, tokens = make(kind), text()
    cache, parts = models.KeyValueCache(), []
    for part in tokens.split(list(sizes), dim=1):
        parts.append(model(part, cache))
    assert len(cache) == 7
    assert_close(torch.cat(parts, 1), model(tokens), rtol=1e-10, atol=1e-12)


@kinds
@pytest.mark.parametrize("time", [1, 7, 12, 15])
def test_what_is_written_is_the_same_with_and_without_a_cache(kind, time):
    model, tokens = make(kind), text(time=time)
    for options in ({"temperature": 0.0}, {"top_k": 5, "top_p": 0.9}, {}):
        written = [
            model.generate(
                tokens, 10, generator=generator(3), use_cache=cached, **options
            )
            for cached in (True, False)
        ]
        assert torch.equal(*written)
        assert written[0].shape == (3, time + 10)
        assert torch.equal(written[0][:, :time], tokens)
    assert not torch.equal(*(model.generate(tokens, 10) for _ in range(2)))


def test_with_the_cache_each_step_reads_one_token():
    model, read = make("rotary"), []
    model.embedding.register_forward_hook(
        lambda *args: read.append(args[1][0].shape[1])
    )
    model.generate(text(time=4), 6)
    assert read == [4, 1, 1, 1, 1, 1]


@kinds
def test_torchs_layers_give_the_same_scores_and_gradients(kind):
    model = make(kind)
    twin = nn.to_torch(model)
    assert twin.head.weight is model.embedding.weight
    fused = [m for m in twin.modules() if "FusedAttention" in type(m).__name__]
    assert len(fused) == 3
    results = []
    for network in (model, twin):
        scores = network(text())
        weights = list(network.parameters())
        results.append([scores, *torch.autograd.grad(scores.square().sum(), weights)])
    for mine, other in zip(*results, strict=True):
        assert_close(mine, other, rtol=1e-8, atol=1e-9)
    assert torch.equal(
        model.generate(text(), 8, temperature=0),
        twin.generate(text(), 8, temperature=0),
    )


@kinds
def test_it_overfits_one_batch_and_every_parameter_gets_a_gradient(kind):
    torch.manual_seed(0)
    model = models.GPT(
        11, 12, d_model=16, num_heads=2, num_layers=2, **KINDS[kind]
    ).train()
    tokens, loss = text(4, 11), nn.CrossEntropyLoss()
    adam = optim.AdamW(model.parameters(), lr=0.01)
    for step in range(150):
        value = loss(model(tokens[:, :-1]).mT, tokens[:, 1:])
        adam.zero_grad()
        value.backward()
        if step == 0:
            assert abs(value.item() - torch.tensor(11.0).log().item()) < 0.1
            assert all(p.grad.abs().sum() > 0 for p in model.parameters())
        adam.step()
    assert value < 0.1


def test_it_has_the_weights_of_gpt_2_small():
    with torch.device("meta"):
        model = models.GPT(50257, 1024, 768, 12, 12, bias=True)
    assert sum(p.numel() for p in model.parameters()) == 124_439_808


def test_the_first_weights_are_small_and_smaller_towards_the_stream():
    torch.manual_seed(0)
    model = models.GPT(100, 64, d_model=128, num_heads=4, num_layers=8)
    block = model.blocks[3]
    for weight, std in (
        (block.attention.project_in.weight, 0.02),
        (block.attention.project_out.weight, 0.005),
        (block.feed_forward[0].weight, 0.02),
        (block.feed_forward[2].weight, 0.005),
        (model.embedding.weight, 0.02),
        (model.position.weight, 0.02),
    ):
        assert abs(weight.std() / std - 1) < 0.05


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"vocabulary_size": 0}, "vocabulary_size"),
        ({"context": 0}, "context"),
        ({"num_heads": 3}, "multiple of num_heads, got 16 and 3"),
        ({"num_layers": 0}, "num_layers"),
        ({"dropout": 1.5}, "1.5"),
    ],
)
def test_what_cannot_be_built_is_refused_in_words(arguments, words):
    sizes = {"vocabulary_size": 11, "context": 12, "d_model": 16, "num_heads": 2}
    with pytest.raises(ValueError, match=re.escape(words)):
        models.GPT(**(sizes | arguments))


def test_what_cannot_be_read_is_refused_in_words():
    model = make("learned")
    for tokens in (text(time=13), text()[0], text(time=0)):
        with pytest.raises(ValueError, match=re.escape(str(tuple(tokens.shape)))):
            model(tokens)
    with pytest.raises(ValueError, match="knows 0 … 10, got 11"):
        model(text() + 11 - text())
    with pytest.raises(TypeError, match="looks up"):
        model(text().double())
    cache = models.KeyValueCache()
    model(text(time=8), cache)
    with pytest.raises(ValueError, match=r"time from 1 to 4, got \(3, 5\)"):
        model(text(time=5), cache)
    with pytest.raises(ValueError, match="count"):
        model.generate(text(), -1)


LOGITS = torch.tensor([[2.0, 1.0, 0.0, -1.0], [0.0, 3.0, 3.0, -5.0]])


def test_probabilities_of_tokens_sum_to_one_under_every_option():
    for options in (
        {},
        {"temperature": 0.5},
        {"temperature": 0.0},
        {"top_k": 2},
        {"top_p": 0.7},
        {"top_k": 3, "top_p": 0.8, "temperature": 2.0},
    ):
        probabilities = models.token_probabilities(LOGITS, **options)
        assert_close(probabilities.sum(1), torch.ones(2))
        assert (probabilities >= 0).all()


def test_each_option_keeps_what_it_says():
    plain = LOGITS.softmax(1)
    assert_close(models.token_probabilities(LOGITS), plain)
    assert_close(
        models.token_probabilities(LOGITS, temperature=2.0), (LOGITS / 2).softmax(1)
    )
    best = models.token_probabilities(LOGITS, temperature=0.0)
    assert best.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]
    two = models.token_probabilities(LOGITS, top_k=2)
    assert (two > 0).tolist() == [
        [True, True, False, False],
        [False, True, True, False],
    ]
    assert_close(two[0, :2], LOGITS[0, :2].softmax(0))
    assert_close(models.token_probabilities(LOGITS, top_k=9), plain)
    # 0.644, 0.237, 0.087, 0.032: the first alone has 0.6, the first two 0.7
    for share, kept in ((0.6, 1), (0.7, 2), (0.9, 3), (1.0, 4)):
        found = models.token_probabilities(LOGITS, top_p=share)[0]
        assert (found > 0).sum() == kept
        assert_close(found[:kept], plain[0, :kept] / plain[0, :kept].sum())


def test_tokens_are_drawn_as_often_as_their_probability_says():
    logits = LOGITS[:1].expand(20_000, -1)
    drawn = models.choose_token(logits, generator=generator(0))
    shares = torch.bincount(drawn, minlength=4) / 20_000
    assert_close(shares, LOGITS[0].softmax(0), rtol=0, atol=0.01)
    again = models.choose_token(logits, generator=generator(0))
    assert torch.equal(drawn, again)
    assert models.choose_token(LOGITS, temperature=0).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": 0, "temperature": 0.0}, "top_k"),
        ({"top_p": 0.0}, "(0, 1], got 0.0"),
        ({"top_p": 1.2}, "(0, 1], got 1.2"),
    ],
)
def test_options_out_of_range_are_refused_in_words(options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        models.choose_token(LOGITS, **options)
    with pytest.raises(ValueError, match=re.escape("(4,)")):
        models.token_probabilities(LOGITS[0])
    with pytest.raises(TypeError, match="floating-point"):
        models.token_probabilities(LOGITS.long())
