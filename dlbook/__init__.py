"""Reference implementations for the book: what it teaches, written once and proved.

The modules stand on floors; each imports only from its own floor or lower ones.

==== ========================================================================
L0   :mod:`dlbook.runtime` (seeds, devices), :mod:`dlbook.autograd`
L1   :mod:`dlbook.nn` (layers, losses), :mod:`dlbook.optim`, :mod:`dlbook.data`
L2   :mod:`dlbook.models`
L3   :mod:`dlbook.training` (fit, evaluate, checkpoints)
L4   :mod:`dlbook.recipes` (the full-size experiments)
L5   :mod:`dlbook.plotting`, :mod:`dlbook.book`, :mod:`dlbook.bench`,
     :mod:`dlbook.cli`
==== ========================================================================
"""

__version__ = "0.1.0"
