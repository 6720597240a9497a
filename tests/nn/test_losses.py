"""Every loss against its torch twin, for every reduction."""

import math
import warnings

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from tests.cases import DRAW, LOSSES, LossCase, classes, numbers, positive

INFINITY = math.inf
CROSSED = [
    pytest.param(case, reduction, id=f"{case}-{reduction}")
    for case in LOSSES
    for reduction in getattr(nn, case.name).reductions
]
SHORTER = [(torch.float32, 1e-5), (torch.bfloat16, 0.06), (torch.float16, 0.008)]
crossed = pytest.mark.parametrize(("case", "reduction"), CROSSED)


def pair(case: LossCase, reduction: str):
    arguments = {**case.arguments, "reduction": reduction}
    ours = getattr(nn, case.name)(**arguments)
    return ours, getattr(torch.nn, case.name)(**arguments)


def outcome(loss, input, target):
    """The loss, and the gradients by the input and by the target if it has one."""
    leaves = [input.clone().requires_grad_(), target.clone()]
    if target.is_floating_point():
        leaves[1].requires_grad_()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="reduction: 'mean' divides")
        output = loss(*leaves)
    output.backward(numbers(*output.shape, seed=3).to(output.dtype))
    return [output.detach(), leaves[0].grad, leaves[1].grad]


def drawn(case: LossCase):
    input = DRAW[case.input](*case.shape, seed=1)
    return input, DRAW[case.target](*case.shape, seed=2)


@crossed
def test_loss_and_gradients_equal_torchs(case, reduction):
    ours, theirs = pair(case, reduction)
    for mine, other in zip(
        outcome(ours, *drawn(case)), outcome(theirs, *drawn(case)), strict=True
    ):
        assert_close(mine, other, rtol=1e-10, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_loss_in_shorter_types_is_torchs_up_to_rounding(case):
    for dtype, tolerance in SHORTER:
        input, target = drawn(case)
        target = target.to(dtype) if target.is_floating_point() else target
        ours, theirs = (loss.to(dtype) for loss in pair(case, "mean"))
        mine = outcome(ours, input.to(dtype), target)
        for a, b in zip(mine, outcome(theirs, input.to(dtype), target), strict=True):
            if b is not None:
                assert a.dtype == b.dtype == dtype
                assert_close(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_weights_are_in_the_state_dict_as_torchs_are(case):
    ours, theirs = pair(case, "sum")
    assert_close(dict(ours.state_dict()), dict(theirs.state_dict()))
    ours.load_state_dict(theirs.state_dict())
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_over_nothing_but_ignored_elements_is_nan(smoothing):
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
    assert loss(numbers(2, 3), torch.full((2,), -100)).isnan()


@pytest.mark.parametrize("weight", [(0.0, 0.0, 0.0), (0.0, 0.0, 1.0)], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_over_classes_that_weigh_nothing_is_nan(weight, smoothing):
    for source in (nn, torch.nn):
        loss = source.CrossEntropyLoss(torch.tensor(weight), label_smoothing=smoothing)
        assert loss(numbers(2, 3).float(), torch.tensor([0, 1])).isnan()


@pytest.mark.parametrize("arguments", [{}, {"ignore_index": 1}], ids=str)
@pytest.mark.parametrize("name", ["NLLLoss", "CrossEntropyLoss"])
def test_classes_in_bytes_are_the_same_classes(name, arguments):
    input, target = numbers(3, 200), torch.tensor([156, 1, 199])
    expected = getattr(torch.nn, name)(**arguments)(input, target.byte())
    loss = getattr(nn, name)(**arguments)
    assert_close(loss(input, target.byte()), expected, rtol=1e-10, atol=1e-12)
    if name == "CrossEntropyLoss":
        loss = nn.CrossEntropyLoss(label_smoothing=0.1, **arguments)
        expected = loss(input, target)
        assert_close(loss(input, target.byte()), expected, rtol=0, atol=0)


@pytest.mark.parametrize("target", ["classes", "probabilities"])
@pytest.mark.parametrize("low", [-INFINITY, -1e6])
def test_impossible_classes_cost_what_they_cost_in_torch(low, target):
    input = torch.tensor([[0.0, low, 2.0], [low, low, low], [0.0, 1.0, 1e6]])
    truth = torch.tensor([0, 1, 0])
    truth = truth if target == "classes" else torch.eye(3)[truth]
    ours = outcome(nn.CrossEntropyLoss(reduction="none"), input, truth)
    theirs = outcome(torch.nn.CrossEntropyLoss(reduction="none"), input, truth)
    for mine, other in zip(ours, theirs, strict=True):
        assert_close(mine, other, equal_nan=True)


def test_a_large_common_offset_of_the_scores_changes_nothing():
    scores = numbers(5, 3).float().mul(8).round().div(8)
    loss = nn.CrossEntropyLoss()
    target = torch.tensor([0, 1, 2, 0, 1])
    assert_close(loss(scores + 2**20, target), loss(scores, target), rtol=1e-6, atol=0)


def test_certain_probabilities_have_torchs_finite_losses_and_gradients():
    p = torch.tensor([0.0, 0.0, 1.0, 1.0, 1e-30, 0.5], dtype=torch.float64)
    y = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.3], dtype=torch.float64)
    ours = outcome(nn.BCELoss(reduction="none"), p, y)
    theirs = outcome(torch.nn.BCELoss(reduction="none"), p, y)
    for mine, other in zip(ours, theirs, strict=True):
        assert_close(mine, other, rtol=1e-7, atol=0)  # torch's 1e-12 is a float32
    saturated = torch.tensor([40.0, -40.0], requires_grad=True)
    nn.BCELoss()(saturated.sigmoid(), torch.tensor([0.0, 1.0])).backward()
    assert saturated.grad.isfinite().all()


def test_extreme_scores_have_torchs_losses_and_gradients():
    x = torch.tensor([-INFINITY, -1e4, -50.0, 0.0, 50.0, 1e4, INFINITY]).double()
    for y in (0.0, 1.0, 0.3):
        target = torch.full_like(x, y)
        ours = outcome(nn.BCEWithLogitsLoss(reduction="none"), x, target)
        theirs = outcome(torch.nn.BCEWithLogitsLoss(reduction="none"), x, target)
        assert_close(ours[0], theirs[0], rtol=1e-10, atol=1e-12, equal_nan=True)
        finite = x.isfinite()
        assert_close(ours[1][finite], theirs[1][finite], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["MSELoss", "L1Loss", "HuberLoss"])
def test_large_and_zero_errors_have_torchs_losses_and_gradients(name):
    x = torch.tensor([0.0, 1.0, -1.0, 3.0, INFINITY, -INFINITY]).double()
    y = torch.zeros_like(x)
    ours = outcome(getattr(nn, name)(reduction="none"), x, y)
    theirs = outcome(getattr(torch.nn, name)(reduction="none"), x, y)
    for mine, other in zip(ours, theirs, strict=True):
        assert_close(mine, other, rtol=1e-10, atol=1e-12, equal_nan=True)


def test_divergence_treats_certain_targets_as_torch_does():
    q = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]).double()
    log_p = nn.LogSoftmax(dim=-1)(numbers(2, 3))
    ours = outcome(nn.KLDivLoss(reduction="batchmean"), log_p, q)
    theirs = outcome(torch.nn.KLDivLoss(reduction="batchmean"), log_p, q)
    for mine, other in zip(ours, theirs, strict=True):
        assert_close(mine, other, equal_nan=True)


def test_divergence_of_distributions_is_never_negative_and_zero_from_itself():
    p, q = (nn.Softmax(dim=-1)(numbers(50, 4, seed=seed)) for seed in (1, 2))
    loss = nn.KLDivLoss(reduction="none")
    assert (loss(q.log(), p).sum(-1) > 0).all()
    assert_close(loss(p.log(), p).sum(-1), torch.zeros(50).double(), rtol=0, atol=1e-15)


def test_binary_cross_entropy_of_scores_is_that_of_their_probabilities():
    x, y = numbers(4, 3), positive(4, 3, seed=2)
    assert_close(nn.BCEWithLogitsLoss()(x, y), nn.BCELoss()(x.sigmoid(), y))


def test_binary_cross_entropy_is_cross_entropy_of_two_classes():
    x, y = numbers(6), torch.tensor([0, 1, 1, 0, 1, 0])
    scores = torch.stack([torch.zeros_like(x), x], dim=1)
    assert_close(
        nn.BCEWithLogitsLoss()(x, y.double()), nn.CrossEntropyLoss()(scores, y)
    )


@pytest.mark.parametrize(
    ("loss", "input", "target"),
    [
        (nn.BCELoss(), positive(2, 3), positive(2, 3, seed=2)),
        (nn.CrossEntropyLoss(label_smoothing=0.1), numbers(2, 3), classes(2, 3)),
        (nn.BCEWithLogitsLoss(), numbers(2, 3), positive(2, 3)),
    ],
    ids=["BCELoss", "CrossEntropyLoss", "BCEWithLogitsLoss"],
)
def test_gradients_can_be_differentiated_again(loss, input, target):
    input.requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: loss(x, target), (input,))


def test_binary_cross_entropy_is_differentiated_by_functional_gradients():
    p, y = positive(2, 3), positive(2, 3, seed=2)
    for number in (0, 1):
        ours, theirs = (
            torch.func.grad(source.BCELoss(), number)(p, y) for source in (nn, torch.nn)
        )
        assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
