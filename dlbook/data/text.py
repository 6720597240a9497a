"""Text to read and to imitate."""

from dlbook.data.download import fetch


def tiny_shakespeare() -> str:
    """Load Tiny Shakespeare, 1,115,394 characters of Shakespeare's plays.

    Karpathy (2015), The Unreasonable Effectiveness of Recurrent Neural Networks;
    40,000 lines, 65 different characters.

    Returns:
        The whole text.

    Raises:
        DataError: If no right copy is to be had (see :mod:`dlbook.data.download`).
    """
    return fetch("tinyshakespeare", "input.txt").read_bytes().decode()
