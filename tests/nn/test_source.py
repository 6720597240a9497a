"""The layers are written out: their source calls none of torch's own."""

import ast
import re
from pathlib import Path

import pytest

import dlbook

LAYERS = ("Module", "Parameter", "Sequential", "ModuleList", "ModuleDict")
ALLOWED = {f"torch.nn.{name}" for name in LAYERS} | {"torch.optim.Optimizer"}
SCHEDULES = ("LRScheduler", "ReduceLROnPlateau")  # to build on, to recognize
ALLOWED |= {f"torch.optim.lr_scheduler.{name}" for name in SCHEDULES}
FORBIDDEN = re.compile(
    r"torch\.(nn|optim|ao|quantization|nested|_C|ops|jit|compile)\b"
    r"|torch\.(special\.)?(log_)?softmax$"
    r"|torch\.\w*(conv|pool|_norm|dropout|_loss|cross_entropy|embedding)\w*"
    r"|torch\.(lstm|gru|rnn|_fused|_foreach)\w*"
    r"|torch\.\w*(relu|gelu|selu|celu|elu_|linear|threshold|scaled_dot_product)\w*"
)
FORBIDDEN_METHODS = {"softmax", "log_softmax", "logsoftmax", "prelu", "hardshrink"}
PACKAGE = Path(dlbook.__file__).parent
TWINS = PACKAGE / "nn" / "twin.py"  # the one module that may name torch's layers
SOURCES = sorted({*PACKAGE.glob("nn/**/*.py"), *PACKAGE.glob("optim/**/*.py")})
SOURCES.remove(TWINS)


def breaches(source: str) -> list[str]:
    """List the torch names a source uses that it must not."""
    tree = ast.parse(source)
    alias, used = _imports(tree)
    inner = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            used.append(_dotted(node, alias))
        if isinstance(node, ast.Call) and _dotted(node.func, alias) == "getattr":
            used.append(f"{_dotted(node.args[0], alias)}._C")
    return [name for name in used if _is_breach(name)]


def _imports(tree: ast.Module) -> tuple[dict[str, str], list[str]]:
    """Find what each imported name stands for, and the full names themselves."""
    alias, used = {"torch": "torch"}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                first = name.name.split(".")[0]
                alias[name.asname or first] = name.name if name.asname else first
                used += [name.name] if "." in name.name else []
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                used.append(f"{node.module}.{name.name}")
                alias[name.asname or name.name] = used[-1]
    return alias, used


def _dotted(node: ast.expr, alias: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return alias.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, alias)}.{node.attr}"
    return "tensor"


def _is_breach(name: str) -> bool:
    if name == "torch":  # the module under another name
        return True
    name = name.replace("torch.Tensor.", "tensor.")
    if not name.startswith("torch."):
        method = name.rpartition(".")[2]
        return "." in name and method in FORBIDDEN_METHODS and "dlbook" not in name
    return name not in ALLOWED and FORBIDDEN.match(name) is not None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_layer_calls_torchs_own(path):
    assert breaches(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import torch.nn.functional as F",
        "from torch.nn import functional",
        "from torch.nn.functional import relu",
        "from torch.nn import Linear, Module",
        "import torch\ntorch.nn.Conv2d(1, 2, 3)",
        "import torch\ntorch.nn.functional.pad(x)",
        "import torch as t\nt.conv2d(x, w)",
        "from torch import conv1d as slide",
        "import torch\ntorch.max_pool2d(x, 2)",
        "import torch\ntorch.adaptive_avg_pool1d(x, 2)",
        "import torch\ntorch.layer_norm(x)",
        "import torch\ntorch.rms_norm(x, (3,))",
        "import torch\ntorch.native_group_norm(x)",
        "import torch\ntorch.batch_norm_stats(x, 0.1)",
        "import torch\ntorch.embedding(w, i)",
        "import torch\ntorch.feature_dropout(x, 0.5, True)",
        "import torch.nn.init",
        "from torch.nn import init",
        "from torch.nn.init import kaiming_uniform_",
        "import torch\ntorch.softmax(x, 0)",
        "x.softmax(0)",
        "(x + 1).log_softmax(0)",
        "import torch\ntorch.dropout(x, 0.5, True)",
        "import torch\ntorch.lstm_cell(x)",
        "import torch\ntorch._C._nn.linear(x, w)",
        "import torch\ngetattr(torch, name)",
        "import torch\nN = torch.nn",
        "import torch\nT = torch\nT.nn.Linear(2, 3)",
        "from torch import nn",
        "from torch.nn.attention.flex_attention import flex_attention",
        "from torch.nn.utils.rnn import pad_sequence",
        "import torch.nn.utils.rnn",
        "import torch.ao.nn.quantized as q",
        "from torch.optim import Adam, Optimizer",
        "from torch.optim.sgd import sgd",
        "import torch\ntorch._foreach_add_(a, b)",
        "x.prelu(w)",
        "import torch\ntorch.Tensor.softmax(x, 0)",
        "import torch\nf = torch.Tensor.prelu",
    ],
)
def test_the_check_finds_what_is_forbidden(source):
    assert breaches(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "from torch.nn import Module, Parameter",
        "import torch\ntorch.where(x > 0, x, torch.zeros(()))",
        "from dlbook.nn.activations import softmax\nsoftmax(x, 0)",
        "import torch\ntorch.Tensor.relu(x)",
        "from torch.optim import Optimizer",
        "import torch\ntorch.nn.Module()",
        "from dlbook.nn import init\ninit.normal_(w)",
        "import torch\ntorch.linalg.qr(w)",
    ],
)
def test_the_check_lets_plain_tensor_code_pass(source):
    assert breaches(source) == []


def test_only_the_module_of_twins_is_left_out():
    names = {path.name for path in SOURCES}
    assert names >= {"conv.py", "pooling.py", "losses.py", "sgd.py"}
    assert names >= {"batch_norm.py", "normalization.py", "init.py", "embedding.py"}
    assert breaches(TWINS.read_text()) != []
