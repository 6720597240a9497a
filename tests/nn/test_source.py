"""The layers are written out: their source calls none of torch's own."""

import ast
import re
from pathlib import Path

import pytest

import dlbook

ALLOWED_IN_NN = {"Module", "Parameter", "Sequential", "ModuleList", "ModuleDict"}
FORBIDDEN = re.compile(
    r"torch\.(nn\.functional|nn\.init|nn\.modules|_C|ops|jit|compile)\b"
    r"|torch\.(special\.)?(log_)?softmax$"
    r"|torch\.\w*(conv|pool|_norm|dropout|_loss|cross_entropy|embedding)\w*"
    r"|torch\.(lstm|gru|rnn)\w*"
    r"|torch\.\w*(relu|gelu|selu|celu|elu_|linear|threshold|scaled_dot_product)\w*"
)
FORBIDDEN_METHODS = {"softmax", "log_softmax", "logsoftmax"}
SOURCES = sorted(
    path
    for path in Path(dlbook.__file__).parent.glob("nn/*.py")
    if path.name != "twin.py"
)


def breaches(source: str) -> list[str]:
    """List the torch names a source uses that it must not."""
    tree = ast.parse(source)
    alias: dict[str, str] = {}
    used: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                used.append(name.name)
                alias[name.asname or name.name.split(".")[0]] = (
                    name.name if name.asname else name.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                used.append(f"{node.module}.{name.name}")
                alias[name.asname or name.name] = used[-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            used.append(_dotted(node, alias))
        if isinstance(node, ast.Call) and _dotted(node.func, alias) == "getattr":
            used.append(f"{_dotted(node.args[0], alias)}._C")
    return [name for name in used if _is_breach(name)]


def _dotted(node: ast.expr, alias: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return alias.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, alias)}.{node.attr}"
    return "tensor"


def _is_breach(name: str) -> bool:
    head, _, last = name.rpartition(".")
    if head == "torch.nn":
        return last not in ALLOWED_IN_NN
    if not name.startswith("torch"):
        return last in FORBIDDEN_METHODS and not name.startswith("dlbook")
    return FORBIDDEN.match(name) is not None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
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
        "import torch\ntorch.softmax(x, 0)",
        "x.softmax(0)",
        "(x + 1).log_softmax(0)",
        "import torch\ntorch.dropout(x, 0.5, True)",
        "import torch\ntorch.lstm_cell(x)",
        "import torch\ntorch._C._nn.linear(x, w)",
        "import torch\ngetattr(torch, name)",
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
    ],
)
def test_the_check_lets_plain_tensor_code_pass(source):
    assert breaches(source) == []


def test_only_the_module_of_twins_is_left_out():
    assert {path.name for path in SOURCES} >= {"conv.py", "pooling.py", "losses.py"}
    assert breaches((SOURCES[0].parent / "twin.py").read_text()) != []
