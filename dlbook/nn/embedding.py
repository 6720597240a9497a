"""Embedding: a learned vector for each of a number of things."""

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from dlbook.nn import init
from dlbook.nn.checks import (
    check_integer,
    check_positive,
    check_same_device,
    check_tensor,
    shape_of,
)


class Embedding(Module):
    """Look up a learned vector for each number: row i of the weight stands for i.

    It equals a linear map of one-hot vectors, without the products with 0. Bengio et
    al. (2003), §2: the matrix C.

    Args:
        num_embeddings: How many numbers there are, from 0 on.
        embedding_dim: How long each vector is.
        padding_idx: A number that stands for nothing: its vector is zero at first and
            gets no gradient. Negative counts from the end.
        max_norm: Only None.
        norm_type: Only 2.
        scale_grad_by_freq: Only False.
        sparse: Only False.
        _weight: The vectors to start with; see :meth:`from_pretrained`.
        _freeze: Whether the vectors shall not learn; likewise.
        device: Where the weight lives.
        dtype: Its type.

    Attributes:
        weight: ``(num_embeddings, embedding_dim)``, normal with variance 1 at first.

    Raises:
        ValueError: If a size is below one, ``padding_idx`` out of range, or ``_weight``
            of another shape.
        NotImplementedError: If an option from ``max_norm`` to ``sparse`` is set.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = check_positive("num_embeddings", num_embeddings)
        self.embedding_dim = check_positive("embedding_dim", embedding_dim)
        self.padding_idx = self._read_padding(padding_idx)
        if max_norm is not None or norm_type != 2 or scale_grad_by_freq or sparse:
            raise NotImplementedError(
                "Embedding has no max_norm, norm_type, scale_grad_by_freq or sparse "
                f"gradient, got {max_norm}, {norm_type}, {scale_grad_by_freq}, {sparse}"
            )
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        shape = (self.num_embeddings, self.embedding_dim)
        if _weight is None:
            empty = torch.empty(shape, device=device, dtype=dtype)
            self.weight = Parameter(empty, requires_grad=not _freeze)
            self.reset_parameters()
        elif _weight.shape != shape:
            raise ValueError(
                f"Embedding expects _weight of shape {shape}, got {shape_of(_weight)}"
            )
        else:
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def _read_padding(self, padding_idx: int | None) -> int | None:
        if padding_idx is None:
            return None
        index, count = check_integer("padding_idx", padding_idx), self.num_embeddings
        if not -count <= index < count:
            raise ValueError(
                f"padding_idx must lie in {-count} … {count - 1}, got {index}"
            )
        return index % count

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> "Embedding":
        """Make a layer around vectors that exist already.

        Args:
            embeddings: ``(num_embeddings, embedding_dim)``; shared, not copied.
            freeze: Whether they shall not learn.
            padding_idx: A number whose vector gets no gradient; its value is kept.
            max_norm: Only None.
            norm_type: Only 2.
            scale_grad_by_freq: Only False.
            sparse: Only False.

        Returns:
            The layer.

        Raises:
            ValueError: If ``embeddings`` is not a matrix.
        """
        check_tensor(embeddings, "Embedding", "embeddings")
        if embeddings.ndim != 2:
            raise ValueError(
                "Embedding expects embeddings of shape (num_embeddings, "
                f"embedding_dim), got {shape_of(embeddings)}"
            )
        rows, columns = embeddings.shape
        options = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        return cls(rows, columns, *options, _weight=embeddings, _freeze=freeze)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw new vectors, and set that of ``padding_idx`` to zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight[self.padding_idx])

    def forward(self, input: Tensor) -> Tensor:
        """Look up the vectors.

        Args:
            input: Numbers from 0 to ``num_embeddings`` - 1, int64 or int32, any shape.

        Returns:
            ``(*input.shape, embedding_dim)``.

        Raises:
            TypeError: If the numbers are of another type.
            ValueError: If one of them is out of range.
        """
        self._check(input)
        chosen = self.weight.index_select(0, input.flatten())
        vectors = chosen.reshape(*input.shape, self.embedding_dim)
        if self.padding_idx is None:
            return vectors
        padded = (input == self.padding_idx).unsqueeze(-1)
        return torch.where(padded, vectors.detach(), vectors)

    def _check(self, input: Tensor) -> None:
        check_tensor(input, "Embedding")
        if input.dtype not in (torch.int64, torch.int32):
            raise TypeError(
                f"Embedding looks up torch.int64 or torch.int32, got {input.dtype}"
            )
        check_same_device(input, self.weight, "Embedding")
        unknown = (input < 0) | (input >= self.num_embeddings)
        if not input.is_meta and unknown.any():
            raise ValueError(
                f"Embedding knows 0 … {self.num_embeddings - 1}, "
                f"got {input[unknown][0].item()}"
            )

    def extra_repr(self) -> str:
        """Describe the layer as torch does."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        return text
