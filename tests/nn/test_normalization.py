"""What normalization promises: its laws, its running statistics, its refusals."""

import math
import re

import pytest
import torch
from torch.testing import assert_close

from dlbook import nn
from dlbook.nn.standardization import Standardization, standardize
from tests.cases import numbers

LAYERS = {
    "BatchNorm1d": ((3,), (5, 3, 4)),
    "BatchNorm2d": ((3,), (5, 3, 2, 4)),
    "LayerNorm": (((4, 3),), (5, 4, 3)),
    "GroupNorm": ((2, 6), (5, 6, 4)),
    "RMSNorm": ((6,), (5, 6)),
}
SHORT = [torch.bfloat16, torch.float16]
every = pytest.mark.parametrize("name", LAYERS)


def layer_and_input(name, dtype=torch.float64):
    sizes, shape = LAYERS[name]
    return getattr(nn, name)(*sizes).to(dtype), (2 + 3 * numbers(*shape)).to(dtype)


def spread_over(x, dims):
    """Mean and mean squared distance from it, by the definition."""
    mean = x.mean(dims, keepdim=True)
    return mean.squeeze(dims), (x - mean).square().mean(dims)


@pytest.mark.parametrize(
    ("name", "dims"),
    [("BatchNorm1d", (0, 2)), ("BatchNorm2d", (0, 2, 3)), ("LayerNorm", (1, 2))],
)
def test_the_output_has_mean_0_and_variance_1(name, dims):
    layer, input = layer_and_input(name)
    mean, variance = spread_over(layer(input), dims)
    _, before = spread_over(input, dims)
    assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-12)
    assert_close(variance, before / (before + layer.eps), rtol=1e-12, atol=0)


def test_each_group_of_channels_has_mean_0_and_variance_1():
    layer, input = layer_and_input("GroupNorm")
    first, second = layer(input)[:, :3], layer(input)[:, 3:]
    for group in (first, second):
        mean, variance = spread_over(group, (1, 2))
        assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-12)
        assert_close(variance, torch.ones_like(variance), rtol=1e-4, atol=0)


def test_rms_norm_gives_mean_square_1_and_keeps_the_direction():
    layer, input = layer_and_input("RMSNorm")
    output = layer(input)
    square = output.square().mean(-1)
    assert_close(square, torch.ones_like(square))
    assert_close((output / input).std(-1), torch.zeros(5).double(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d", "LayerNorm"])
def test_shifting_and_scaling_the_input_changes_nothing(name):
    layer, input = layer_and_input(name)
    layer.eps = 1e-14
    assert_close(layer(7 * input - 100), layer(input), rtol=1e-8, atol=1e-8)


def test_rms_norm_ignores_scaling_but_not_shifting():
    layer, input = layer_and_input("RMSNorm")
    assert_close(layer(7 * input), layer(input))
    assert (layer(input + 5) - layer(input)).abs().max() > 0.1


@pytest.mark.parametrize("name", ["LayerNorm", "GroupNorm", "RMSNorm"])
def test_a_sample_does_not_depend_on_the_others_in_its_batch(name):
    layer, input = layer_and_input(name)
    alone = torch.cat([layer(sample) for sample in input.split(1)])
    assert_close(layer(input), alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d"])
def test_in_batch_norm_it_does_until_evaluation(name):
    layer, input = layer_and_input(name)
    changed = torch.cat([input[:1], input[1:] * 2])
    assert (layer(input)[0] - layer(changed)[0]).abs().max() > 0.1
    layer.eval()
    assert_close(layer(input)[0], layer(changed)[0], rtol=0, atol=0)


def test_one_group_is_layer_norm_and_a_channel_each_is_instance_norm():
    input = 2 + 3 * numbers(5, 6, 4)
    layer_norm, instance = nn.LayerNorm((6, 4)).double(), torch.nn.InstanceNorm1d(6)
    assert_close(nn.GroupNorm(1, 6).double()(input), layer_norm(input))
    assert_close(nn.GroupNorm(6, 6).double()(input), instance(input))


def test_weight_and_bias_act_per_channel_after_standardizing():
    layer, input = layer_and_input("BatchNorm2d")
    plain = layer(input)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, 0.0, -1.0]))
        layer.bias.copy_(torch.tensor([0.0, 5.0, 1.0]))
    output = layer(input)
    assert_close(output[:, 0], 2 * plain[:, 0])
    assert_close(output[:, 1], torch.full_like(plain[:, 1], 5.0))
    assert_close(output[:, 2], 1 - plain[:, 2])


def test_running_statistics_move_by_momentum_towards_the_unbiased_ones():
    layer, input = nn.BatchNorm1d(3, momentum=0.2).double(), numbers(5, 3)
    layer(input)
    assert_close(layer.running_mean, 0.2 * input.mean(0))
    assert_close(layer.running_var, 0.8 + 0.2 * input.var(0, correction=1))
    assert layer.num_batches_tracked == 1


def test_without_momentum_they_are_plain_averages_over_all_batches():
    layer = nn.BatchNorm1d(3, momentum=None).double()
    batches = [numbers(5, 3, seed=seed) for seed in range(4)]
    for batch in batches:
        layer(batch)
    means = torch.stack([batch.mean(0) for batch in batches])
    variances = torch.stack([batch.var(0) for batch in batches])
    assert_close(layer.running_mean, means.mean(0))
    assert_close(layer.running_var, variances.mean(0))


@pytest.mark.parametrize("momentum", [0.1, None, 1.0])
def test_many_steps_and_a_change_of_mode_leave_torchs_statistics(momentum):
    ours, theirs = (
        source.BatchNorm2d(3, momentum=momentum).double() for source in (nn, torch.nn)
    )
    for step in range(9):
        batch = (step + 1) * numbers(5, 3, 2, 4, seed=step) + step
        for layer in (ours, theirs):
            layer.train(step % 4 != 3)(batch)
        assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-12, atol=1e-12)
    ours.reset_running_stats()
    assert_close(ours.state_dict(), nn.BatchNorm2d(3).double().state_dict())


@pytest.mark.parametrize("training", [True, False])
def test_tracking_can_be_switched_off_later_as_in_torch(training):
    outputs, states = [], []
    for source in (nn, torch.nn):
        layer = source.BatchNorm1d(3).double()
        layer(numbers(5, 3))
        layer.train(training).track_running_stats = False
        outputs.append(layer(numbers(4, 3, seed=1)))
        states.append(layer.state_dict())
    assert_close(outputs[0], outputs[1])
    assert_close(states[0], states[1])
    assert states[0]["num_batches_tracked"] == 1


def test_running_statistics_have_no_gradient_and_are_kept_without_one():
    layer = nn.BatchNorm1d(3)
    with torch.no_grad():
        layer(torch.rand(4, 3))
    layer(torch.rand(4, 3))
    assert layer.num_batches_tracked == 2
    assert all(not buffer.requires_grad for buffer in layer.buffers())


def test_a_state_dict_from_before_the_count_still_loads():
    for source in (nn, torch.nn):
        state = torch.nn.Sequential(torch.nn.BatchNorm1d(3)).state_dict()
        del state["0.num_batches_tracked"]
        state._metadata["0"]["version"] = 1
        model = torch.nn.Sequential(source.BatchNorm1d(3))
        model[0].num_batches_tracked += 5
        model.load_state_dict(state)
        assert model[0].num_batches_tracked == 5
        state._metadata["0"]["version"] = 2
        with pytest.raises(RuntimeError, match="num_batches_tracked"):
            model.load_state_dict(state)
    assert nn.BatchNorm1d(3).state_dict()._metadata[""] == {"version": 2}


@every
@pytest.mark.parametrize("dtype", SHORT, ids=str)
def test_half_precision_computes_in_float32_with_parameters_of_either_type(name, dtype):
    wide, input = layer_and_input(name, torch.float32)
    input = (300 + input).to(dtype)  # rounded steps are coarse here: 2 in bfloat16
    expected = wide(input.float()).to(dtype)
    assert_close(wide(input), expected, rtol=0, atol=0)
    short, _ = layer_and_input(name, dtype)
    assert_close(short(input), expected, rtol=0, atol=0)
    assert short(input).dtype == dtype


@every
def test_gradients_and_their_gradients_are_those_of_finite_differences(name):
    layer, input = layer_and_input(name)
    names = [name for name, _ in layer.named_parameters()]

    def run(input, *values):
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(layer, given, (input,))

    values = [numbers(*p.shape, seed=9).requires_grad_() for p in layer.parameters()]
    leaves = (input[:3].clone().requires_grad_(), *values)
    assert torch.autograd.gradcheck(run, leaves)
    assert torch.autograd.gradgradcheck(run, leaves)


def test_mean_and_variance_pass_gradients_on_too():
    leaves = [numbers(*s, seed=9).requires_grad_() for s in [(4, 3), (3,), ()]]

    def run(*leaves):
        return Standardization.apply(*leaves, (0,), 0.1)

    assert torch.autograd.gradcheck(run, leaves)
    assert torch.autograd.gradgradcheck(run, leaves)


def test_gradients_for_each_sample_apart_equal_a_loop():
    layer, input = nn.LayerNorm(4).double(), numbers(5, 4)

    def loss(weight, sample):
        return torch.func.functional_call(layer, {"weight": weight}, sample).exp().sum()

    gradient = torch.func.grad(loss)
    together = torch.func.vmap(gradient, (None, 0))(layer.weight.detach(), input)
    apart = torch.stack([gradient(layer.weight.detach(), x) for x in input])
    assert_close(together, apart)


def test_standardize_survives_equal_numbers_and_a_large_offset():
    constant = torch.full((2, 5), 3.0)
    assert standardize(constant, (1,), 1e-5).eq(0).all()
    x = numbers(4, 256)
    shifted = standardize((x + 1000).float(), (1,), 0.0).double()
    assert_close(shifted, standardize(x, (1,), 0.0), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "sizes", "input"),
    [
        ("BatchNorm1d", (3,), numbers(3, 5).T),
        ("BatchNorm1d", (3,), numbers(5, 4, 3).transpose(1, 2)),
        ("BatchNorm2d", (3,), numbers(5, 3, 4, 2).transpose(2, 3)),
        ("BatchNorm2d", (3,), numbers(5, 4, 2, 3).permute(0, 3, 1, 2)),
        ("LayerNorm", (3,), numbers(5, 3, 4).transpose(1, 2)),
        ("LayerNorm", (3,), numbers(5, 4, 3, 2).permute(0, 3, 1, 2)),
        ("GroupNorm", (2, 6), numbers(5, 4, 6).transpose(1, 2)),
        ("GroupNorm", (2, 6), numbers(5, 4, 3, 6).permute(0, 3, 1, 2)),
        ("RMSNorm", (3,), numbers(5, 3, 4).transpose(1, 2)),
    ],
    ids=str,
)
def test_the_output_of_an_input_with_other_strides_is_laid_out_as_torchs(
    name, sizes, input
):
    ours, theirs = (
        getattr(source, name)(*sizes).double()(input) for source in (nn, torch.nn)
    )
    assert_close(ours, theirs)
    assert ours.stride() == theirs.stride()


def test_one_number_in_each_group_gives_the_bias_unless_alone():
    ours, theirs = (source.GroupNorm(6, 6).double() for source in (nn, torch.nn))
    assert_close(ours(numbers(2, 6)), theirs(numbers(2, 6)), rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match=r"more than one number .*6 groups.*\(1, 6\)"):
        ours(numbers(1, 6))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm1d(3), (1, 3)),
        (nn.BatchNorm1d(3), (1, 3, 1)),
        (nn.BatchNorm2d(3), (1, 3, 1, 1)),
        (nn.BatchNorm1d(3, track_running_stats=False).eval(), (1, 3)),
    ],
)
def test_one_number_for_each_channel_has_no_variance(layer, shape):
    words = f"more than one number for each channel, got input of shape {shape}"
    with pytest.raises(ValueError, match=re.escape(words)):
        layer(torch.rand(shape))
    assert layer.num_batches_tracked in (None, 0)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: nn.BatchNorm1d(0), ValueError, "num_features must be at least 1"),
        (lambda: nn.BatchNorm2d(2.0), TypeError, "num_features must be an integer"),
        (lambda: nn.BatchNorm1d(3, eps=-1), ValueError, "BatchNorm1d: eps.*got -1"),
        (lambda: nn.BatchNorm1d(3, eps=None), TypeError, "eps must be a number"),
        (
            lambda: nn.BatchNorm2d(3, momentum=1.5),
            ValueError,
            r"BatchNorm2d: mom.*1\.5",
        ),
        (lambda: nn.LayerNorm(()), ValueError, r"at least one size, got \(\)"),
        (lambda: nn.LayerNorm(0), ValueError, "normalized_shape must be at least 1"),
        (lambda: nn.RMSNorm((2, 2.5)), TypeError, "normalized_shape must be an integ"),
        (lambda: nn.LayerNorm(2, eps=math.nan), ValueError, "negative, got nan"),
        (lambda: nn.RMSNorm(2, eps=-1.0), ValueError, "RMSNorm: eps.*got -1"),
        (
            lambda: nn.GroupNorm(4, 6),
            ValueError,
            "divisible by num_groups, got 6 and 4",
        ),
        (lambda: nn.GroupNorm(0, 6), ValueError, "num_groups must be at least 1"),
        (lambda: nn.GroupNorm(2, 4, eps=-1), ValueError, "GroupNorm: eps.*got -1"),
    ],
)
def test_an_argument_is_refused_when_the_layer_is_made(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_the_shapes_expected_are_named():
    for layer, shape, expected in [
        (nn.BatchNorm1d(3), (3,), "(batch, 3) or (batch, 3, time)"),
        (nn.BatchNorm2d(3), (4, 2, 5, 5), "(batch, 3, height, width)"),
        (nn.LayerNorm((4, 3)), (2, 3, 4), "(..., 4, 3)"),
        (nn.GroupNorm(2, 6), (2, 5, 4), "(batch, 6, ...)"),
        (nn.RMSNorm(4), (4, 3), "(..., 4)"),
    ]:
        words = f"{type(layer).__name__} expects input of shape {expected}, got {shape}"
        with pytest.raises(ValueError, match=re.escape(words)):
            layer(torch.zeros(shape))


@every
def test_types_and_devices_that_do_not_go_together_are_refused(name):
    layer, input = layer_and_input(name, torch.float32)
    for wrong in (torch.float64, torch.int64, torch.complex64):
        with pytest.raises(TypeError, match=f"{name}.* {wrong}"):
            layer(input.to(wrong))
    with pytest.raises(TypeError, match=r"weight is torch\.float16.*torch\.bfloat16"):
        layer.half()(input.bfloat16())
    with pytest.raises(TypeError, match=r"weight is torch\.bfloat16.*torch\.float32"):
        layer.bfloat16()(input)
    with pytest.raises(ValueError, match="weight is on cpu, but its input on meta"):
        layer(input.bfloat16().to("meta"))
    with pytest.raises(TypeError, match=f"{name} needs a tensor as input, got list"):
        layer([1.0])


def test_running_statistics_alone_also_tell_the_type():
    layer = nn.BatchNorm1d(3, affine=False)
    with pytest.raises(TypeError, match=r"running_mean is torch\.float32.*float64"):
        layer(numbers(5, 3))


def test_zero_epsilon_is_refused_in_training_as_in_torch():
    layer = nn.BatchNorm1d(3, eps=0)
    with pytest.raises(ValueError, match="eps must be positive in training"):
        layer(torch.rand(4, 3))
    layer.eval()(torch.rand(4, 3))


@every
def test_device_and_dtype_reach_parameters_and_statistics(name):
    sizes, _ = LAYERS[name]
    made = getattr(nn, name)(*sizes, device="meta", dtype=torch.bfloat16)
    state = made.state_dict()
    assert {tensor.device.type for tensor in state.values()} == {"meta"}
    assert {tensor.dtype for key, tensor in state.items() if "num" not in key} == {
        torch.bfloat16
    }
