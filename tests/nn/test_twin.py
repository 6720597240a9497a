"""``to_torch``: torch's layers around our parameters."""

import pytest
import torch
import torch.nn.utils.prune
from torch.testing import assert_close

from dlbook import nn, optim
from dlbook.models import MLP, LeNet
from tests.cases import CASES, LOSSES, UNPOOL, Case, numbers

pytestmark = pytest.mark.filterwarnings("ignore:dropout2d. Received a 3D input")


class Tied(nn.Module):
    """Two layers with one weight, one layer used twice, a buffer and a plain list."""

    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(3, 3, bias=False)
        self.decode = nn.Linear(3, 3)
        self.decode.weight = self.encode.weight
        self.act = nn.Sequential(nn.Tanh(), nn.Identity())
        self.again = self.act[0]
        self.register_buffer("scale", torch.tensor(2.0))
        self.path = [self.encode, self.act, self.decode, self.again]

    def forward(self, x):
        for layer in self.path:
            x = layer(x)
        return x * self.scale


class Doubled(nn.Linear):
    """A subclass that computes something else."""

    def forward(self, input):
        return 2 * super().forward(input)


def modules_of_ours(model):
    return [m for m in model.modules() if type(m).__module__.startswith("dlbook.nn")]


@pytest.mark.parametrize("case", [*CASES, *LOSSES, *UNPOOL], ids=str)
def test_every_layer_becomes_its_twin_with_the_same_arguments_and_tensors(case):
    ours = getattr(nn, case.name)(**case.arguments)
    twin = nn.to_torch(ours)
    expected = getattr(torch.nn, case.name)(**case.arguments)
    assert type(twin) is type(expected)
    plain = {key: v for key, v in vars(expected).items() if not key.startswith("_")}
    assert {key: vars(twin)[key] for key in plain} == plain
    for get in ("named_parameters", "named_buffers"):
        mine, other = dict(getattr(ours, get)()), dict(getattr(twin, get)())
        assert mine.keys() == other.keys()
        assert all(mine[name] is other[name] for name in mine)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_twin_computes_the_same(case: Case):
    ours = case.make(nn).double()
    input = case.draw()
    assert_close(ours(input), nn.to_torch(ours)(input), rtol=1e-10, atol=1e-12)


def test_training_the_twin_trains_ours():
    model = LeNet(image_size=8, kernel_size=3)
    twin = nn.to_torch(model)
    input, before = torch.rand(2, 1, 8, 8), model.features[0].weight.clone()
    optimizer = optim.SGD(twin.parameters(), lr=0.5)
    twin(input).square().sum().backward()
    optimizer.step()
    assert not torch.equal(model.features[0].weight, before)
    assert model.features[0].weight.grad is twin.features[0].weight.grad
    assert_close(model(input), twin(input))


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d"])
@pytest.mark.parametrize("momentum", [0.3, None])
def test_running_statistics_are_shared_whichever_of_the_two_is_trained(name, momentum):
    model = nn.Sequential(getattr(nn, name)(3, momentum=momentum)).double()
    model(numbers(5, 3, 2, 4)[..., 0] if name == "BatchNorm1d" else numbers(5, 3, 2, 4))
    twin = nn.to_torch(model)
    for seed, trained in enumerate((twin, model, twin), start=1):
        batch = numbers(5, 3, 2, 4, seed=seed)
        trained(batch[..., 0] if name == "BatchNorm1d" else batch)
        for mine, other in zip(model.buffers(), twin.buffers(), strict=True):
            assert mine is other
    assert model[0].num_batches_tracked == 4
    assert twin[0].running_mean.abs().min() > 0
    image = numbers(5, 3, 2, 4, seed=9)
    image = image[..., 0] if name == "BatchNorm1d" else image
    assert_close(model.eval()(image), twin.eval()(image))


def test_a_layer_that_stopped_tracking_is_refused_not_silently_restarted():
    layer = nn.BatchNorm1d(3)
    layer.track_running_stats = False
    with pytest.raises(ValueError, match=r"BatchNorm1d to hold \['bias', 'weight'\]"):
        nn.to_torch(layer)


def test_ties_shared_layers_buffers_and_plain_attributes_survive():
    model = Tied()
    twin = nn.to_torch(model)
    assert modules_of_ours(twin) == []
    assert [m for m in twin.path if type(m).__module__.startswith("dlbook.nn")] == []
    assert twin.encode.weight is twin.decode.weight is model.encode.weight
    assert twin.again is twin.act[0]
    assert twin.scale is model.scale
    assert list(twin.state_dict()) == list(model.state_dict())
    assert_close(twin(torch.eye(3)), model(torch.eye(3)))


def test_the_tree_is_new_and_the_model_stays_as_it_was():
    model = MLP(3, [4], 2, dropout=0.5)
    twin = nn.to_torch(model)
    assert type(twin) is MLP
    assert twin is not model
    assert len(modules_of_ours(model)) == 5
    twin.features.append(torch.nn.Identity())
    assert len(model.features) == 4


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_every_module_is_kept(training):
    model = MLP(3, [4], 2, dropout=0.5).train(training)
    model.features[2].train(not training)
    modes = [module.training for module in model.modules()]
    assert [module.training for module in nn.to_torch(model).modules()] == modes


def test_a_subclass_keeps_its_own_forward_and_shares_its_parameters():
    model = nn.Sequential(Doubled(2, 3))
    twin = nn.to_torch(model)
    assert type(twin[0]) is Doubled
    assert twin[0].weight is model[0].weight


def test_swapping_layers_draws_no_random_numbers():
    model = nn.Sequential(nn.Linear(2, 3), nn.Conv2d(1, 2, 3))
    before = torch.get_rng_state()
    nn.to_torch(model)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "register",
    [
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
    ],
)
def test_hooks_on_a_layer_are_refused_not_lost(register):
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    handle = getattr(model[1], register)(lambda *_: None)
    with pytest.raises(ValueError, match="a ReLU's hooks"):
        nn.to_torch(model)
    handle.remove()
    assert type(nn.to_torch(model)[1]) is torch.nn.ReLU


def test_a_pruned_layer_is_refused_not_silently_made_whole():
    layer = torch.nn.utils.prune.l1_unstructured(nn.Linear(2, 3), "weight", amount=2)
    with pytest.raises(ValueError, match="a Linear's hooks"):
        nn.to_torch(layer)


def test_a_layer_with_tensors_of_its_own_is_refused():
    layer = nn.Linear(2, 3)
    layer.scale = nn.Parameter(torch.ones(3))
    words = r"a Linear to hold \['bias', 'weight'\], got \['bias', 'scale', 'weight'\]"
    with pytest.raises(ValueError, match=words):
        nn.to_torch(nn.Sequential(layer))


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match="got dict"):
        nn.to_torch({})
