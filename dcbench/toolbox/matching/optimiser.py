"""SGD with momentum over the images of all classes at once, even if the published code steps class by class."""

from __future__ import annotations

import torch
from torch import Tensor


class MatchingSGD:
    """SGD with momentum; every class is one row of the images.

    The M3D code keeps all classes in one tensor and calls ``step()`` once per class. Each of those C steps moves every
    class by the momentum that is left of its own last gradient. Classes do not depend on each other, so the C steps
    have a closed form. With learning rate a, momentum m and leftover buffer b, class c (from 0) is

    * visited at ``v = p - a b (m + ... + m^c)``, where its gradient g is taken,
    * its buffer then is ``b' = m^(c+1) b + g``,
    * and at the end of the iteration ``p = v - a b' (1 + m + ... + m^(C-1-c))`` and ``b = m^(C-1-c) b'``.

    This equals the published loop up to rounding. With ``sequential=False`` it is one ordinary step for all (DM).

    Example::

        position = optimiser.visit()
        loss(position).backward()
        optimiser.step()
    """

    def __init__(
        self,
        images: Tensor,
        *,
        lr: float,
        momentum: float,
        sequential: bool,
        turns: range | None = None,
        classes: int | None = None,
    ) -> None:
        """Prepare to move *images*.

        Args:
            images: (rows, ...), changed in place by `step`.
            lr: learning rate, as published.
            momentum: in [0, 1).
            sequential: one step per class, as M3D, instead of one for all.
            turns: which of the classes the rows are; all by default.
            classes: how many classes step in turn, those that are not among the rows included.
        """
        self.images = images
        self.buffer = torch.zeros_like(images)
        self._visited: Tensor | None = None
        turns = range(len(images)) if turns is None else turns
        total = len(images) if classes is None else classes
        columns = _turns(total, momentum) if sequential else _together(total, momentum)
        lead, kept, tail, left = (column[turns.start : turns.stop] for column in columns)
        self._before, self._kept, self._after, self._left = (
            column.to(images).view(-1, *[1] * (images.ndim - 1)) for column in (lr * lead, kept, lr * tail, left)
        )

    def visit(self) -> Tensor:
        """Return where each class is at its turn, (rows, ...), as a leaf tensor for the gradient."""
        self._visited = (self.images - self._before * self.buffer).requires_grad_()
        return self._visited

    @torch.no_grad()
    def step(self) -> None:
        """Finish the iteration with the gradient that the last visit collected.

        Raises:
            RuntimeError: visit() was not called before, or there was no backward pass since.
        """
        if self._visited is None or self._visited.grad is None:
            raise RuntimeError("call visit() and a backward pass before step()")
        visited, gradient = self._visited.detach(), self._visited.grad
        self._visited = None
        self.buffer.mul_(self._kept).add_(gradient)
        torch.sub(visited, self._after * self.buffer, out=self.images)
        self.buffer.mul_(self._left)


def _turns(classes: int, momentum: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return, for each class, the weights of the closed form: moved before, kept of the buffer, moved after, left."""
    powers = momentum ** torch.arange(classes + 1, dtype=torch.float64)
    sums = powers.cumsum(0)
    kept, tail, left = powers[1:], sums[:-1].flip(0), powers[:-1].flip(0)
    return sums[:-1] - 1, kept, tail, left


def _together(classes: int, momentum: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    one = torch.ones(classes, dtype=torch.float64)
    return 0 * one, momentum * one, one, one
