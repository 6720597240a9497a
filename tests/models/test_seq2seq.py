"""Translators ignore padding and never look ahead; searches find what they should."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from dlbook import data, models, nn, optim, training
from dlbook.runtime import generator

SIZES = (9, 8)  # tokens of the source's and the target's language
RECURRENT = ["additive", "dot", "none"]
KINDS = [*RECURRENT, "sinusoidal", "learned"]
kinds = pytest.mark.parametrize("kind", KINDS)


def make(kind, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind in RECURRENT:
            model = models.Seq2Seq(*SIZES, 8, 12, attention=kind, **options)
        else:
            model = models.Seq2SeqTransformer(*SIZES, 8, 2, positions=kind, **options)
        return model.double()


def tokens(vocabulary, time, batch=4, seed=1):
    draw = generator(seed)
    return torch.randint(3, vocabulary, (batch, time), generator=draw)


def sentences():
    source = tokens(SIZES[0], 7)
    source[1, 5:] = 0
    source[2, 1:] = 0
    return source, tokens(SIZES[1], 6, seed=2)


@kinds
def test_scores_have_a_number_for_every_token_of_the_target(kind):
    source, target = sentences()
    model = make(kind)
    logits = model(source, target)
    assert logits.shape == (4, 6, SIZES[1])
    assert_close(logits, model.decode(target, model.encode(source)))


@kinds
def test_padding_of_the_source_changes_nothing(kind):
    source, target = sentences()
    model = make(kind).eval()
    longer = torch.cat([source, source.new_zeros(4, 3)], dim=1)
    assert_close(model(longer, target), model(source, target))
    assert_close(model(source[2:3, :1], target[2:3])[0], model(source, target)[2])


@kinds
def test_a_decoder_does_not_see_later_tokens(kind):
    source, target = sentences()
    model = make(kind).eval()
    changed = target.clone()
    changed[:, 4] = 3 + (target[:, 4] - 2) % 5
    before, after = model(source, target), model(source, changed)
    assert_close(after[:, :4], before[:, :4])
    assert (after[:, 4:] - before[:, 4:]).abs().amax(2).min() > 1e-6


@kinds
def test_every_token_of_the_source_matters(kind):
    source, target = sentences()
    model = make(kind).eval()
    for place in range(7):
        changed = source[:1].clone()
        changed[0, place] = 3 + (source[0, place] - 2) % 6
        assert (
            model(changed, target[:1]) - model(source, target)[0]
        ).abs().max() > 1e-6


@kinds
@pytest.mark.parametrize("training_mode", [True, False])
def test_torchs_layers_compute_the_same(kind, training_mode):
    source, target = sentences()
    model = make(kind).train(training_mode)
    twin = nn.to_torch(model)
    ours, theirs = model(source, target), twin(source, target)
    assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    weights = list(model.parameters())
    gradients = [
        torch.autograd.grad(out.square().sum(), weights, allow_unused=True)
        for out in (ours, theirs)
    ]
    for own, other in zip(*gradients, strict=True):
        assert own is not None
        assert_close(own, other, rtol=1e-8, atol=1e-8)


def naive_dot_step(model, source, target, row, step):
    """Score one step of one sentence by Luong's equations, without a batch."""
    length = int((source[row] != 0).sum())
    states, first, _ = model.encode(source[row : row + 1, :length])
    h = first
    for token in target[row, : step + 1]:
        x = model.target_embedding(token.reshape(1, 1))
        h = model.decoder(x, h.unsqueeze(0))[1][0]
    weights = torch.softmax(h @ states[0].T / math.sqrt(h.shape[1]), dim=1)
    context = weights @ states[0]
    return model.head(torch.tanh(model.combine(torch.cat([context, h], dim=1))))[0]


def test_the_network_follows_luongs_equations():
    source, target = sentences()
    model = make("dot")
    logits = model(source, target)
    for row, step in itertools.product(range(4), (0, 3, 5)):
        assert_close(
            logits[row, step], naive_dot_step(model, source, target, row, step)
        )


@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_attention_weights_sum_to_one_over_real_tokens(kind):
    source, target = sentences()
    model = make(kind)
    weights = model.attention_weights(source, target)
    assert weights.shape == (4, 6, 7)
    assert_close(weights.sum(2), torch.ones(4, 6).double())
    assert not weights[1, :, 5:].any()
    memory = model.encode(source)
    states = model.decoder(model.target_embedding(target), memory[1].unsqueeze(0))[0]
    context = weights @ memory[0]
    hidden = model.combine(torch.cat([context, states], 2)).tanh()
    assert_close(model.head(hidden), model(source, target))


def test_positions_tell_order():
    source, target = sentences()
    model = make("sinusoidal")
    blind = models.Seq2SeqTransformer(*SIZES, 8, 2, positions="none").double()
    turned = source.clone()
    turned[0] = source[0].flip(0)
    assert_close(blind(turned, target), blind(source, target))
    assert (model(turned, target)[0] - model(source, target)[0]).abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(3, 0), (3,), (2, 3, 4)])
@kinds
def test_sources_of_another_shape_are_refused(kind, shape):
    with pytest.raises(ValueError, match=r"expected tokens of shape \(batch, time\)"):
        make(kind).encode(torch.ones(shape, dtype=torch.int64))


@pytest.mark.parametrize("row", [[0, 3, 4], [3, 0, 4], [0, 0, 0]])
@kinds
def test_padding_before_a_token_is_refused(kind, row):
    with pytest.raises(ValueError, match="padding"):
        make(kind).encode(torch.tensor([row]))


@pytest.mark.parametrize(
    ("make_model", "message"),
    [
        (lambda: models.Seq2Seq(5, 5, hidden_size=7), "must be even, got 7"),
        (lambda: models.Seq2Seq(5, 5, attention="hard"), "got 'hard'"),
        (lambda: models.Seq2Seq(0, 5), "source_size"),
        (lambda: models.Seq2SeqTransformer(5, 0), "target_size"),
        (lambda: models.Seq2SeqTransformer(5, 5, positions="exp"), "got 'exp'"),
        (lambda: models.Seq2Seq(5, 5, attention="none").attention_weights(*[None] * 2),
         "attention='none'"),
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused(make_model, message):
    with pytest.raises(ValueError, match=message):
        make_model()


def log_probability(model, source, sentence, end=2):
    """Sum the log-probabilities of a sentence's tokens and its end."""
    written = torch.tensor([[1, *sentence]])
    scores = model(source, written).log_softmax(2)[0]
    return sum(scores[i, token].item() for i, token in enumerate([*sentence, end]))


@kinds
def test_greedy_search_takes_the_best_token_each_time(kind):
    source, _ = sentences()
    model = make(kind).eval()
    for row, found in enumerate(models.greedy_search(model, source, 5)):
        alone = source[row : row + 1, : int((source[row] != 0).sum())]
        written = [1]
        while written[-1] != 2 and len(written) <= 5:
            scores = model(alone, torch.tensor([written]))
            written.append(int(scores[0, -1].argmax()))
        assert found == [token for token in written[1:] if token != 2]


@kinds
@pytest.mark.parametrize("length_penalty", [0.0, 0.7])
def test_a_beam_of_one_is_the_greedy_search(kind, length_penalty):
    source, _ = sentences()
    model = make(kind).eval()
    greedy = models.greedy_search(model, source, 6)
    beam = models.beam_search(model, source, 6, 1, length_penalty)
    assert beam == greedy


class Chain(torch.nn.Module):
    """Random scores that depend on the tokens before; four tokens, 3 is plain."""

    def __init__(self, seed):
        super().__init__()
        self.table = 2 * torch.randn(3, 4, 4, 4, generator=generator(seed)).double()

    def encode(self, source):
        return (source[:, 0],)

    def decode(self, written, memory):
        before = torch.cat([written.new_zeros(len(written), 1), written[:, :-1]], 1)
        return self.table[memory[0].unsqueeze(1), before, written]

    def total(self, source, sentence):
        written = torch.tensor([[1, *sentence[:-1]]])
        scores = self.decode(written, (torch.tensor([source]),)).log_softmax(2)[0]
        return sum(scores[i, token].item() for i, token in enumerate(sentence))


def all_sentences(longest):
    """List what a search may find: ended sentences, and unfinished ones."""
    for length in range(1, longest + 1):
        for body in itertools.product([0, 1, 3], repeat=length - 1):
            yield [*body, 2]
    for body in itertools.product([0, 1, 3], repeat=longest):
        yield list(body)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_wide_beam_finds_the_best_of_all_sentences(seed, length_penalty):
    model, longest = Chain(seed), 4
    found = models.beam_search(
        model, torch.tensor([[0], [1], [2]]), longest, 200, length_penalty
    )
    for source in range(3):
        best = max(
            all_sentences(longest),
            key=lambda s: model.total(source, s) / len(s) ** length_penalty,
        )
        assert found[source] == [token for token in best if token != 2]


def test_a_beam_may_beat_the_greedy_search():
    better = 0
    for seed in range(40):
        model = Chain(seed)
        source = torch.tensor([[0]])
        [greedy] = models.greedy_search(model, source, 6)
        [beam] = models.beam_search(model, source, 6, 8)
        totals = [
            model.total(0, [*body, 2] if len(body) < 6 else body)
            for body in (greedy, beam)
        ]
        assert totals[1] >= totals[0] - 1e-9
        better += totals[1] > totals[0] + 1e-9
    assert better >= 3


@pytest.mark.parametrize(
    "options", [{"max_length": 0}, {"beam_width": 0}, {"length_penalty": -1.0}]
)
def test_a_search_refuses_options_out_of_range(options):
    arguments = {"max_length": 3} | options
    with pytest.raises(ValueError, match=next(iter(options))):
        models.beam_search(Chain(0), torch.tensor([[0]]), **arguments)


@kinds
def test_a_translator_overfits_a_few_dates(kind):
    pairs = data.dates(8, 1).train
    letters = [
        data.Vocabulary.count([pair[side] for pair in pairs], special=data.SPECIAL)
        for side in (0, 1)
    ]
    torch.manual_seed(0)
    sizes = [len(vocabulary) for vocabulary in letters]
    if kind in RECURRENT:
        model = models.Seq2Seq(*sizes, 16, 48, attention=kind)
    else:
        model = models.Seq2SeqTransformer(*sizes, 32, positions=kind)
    inputs, targets = data.teacher_forcing(pairs, *letters)
    training.fit(
        nn.to_torch(model),
        (inputs, targets),
        optimizer=optim.Adam(model.parameters(), lr=0.01),
        epochs=150,
        loss=training.token_loss,
        metric=training.token_accuracy,
        device="cpu",
        progress=False,
    )
    found = models.greedy_search(model.eval(), inputs[0], 12)
    written = ["".join(letters[1].decode(row)) for row in found]
    assert written == [target for _, target in pairs]
