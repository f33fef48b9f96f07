from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dcbench.toolbox.matching import MatchingSGD


def losses(images: Tensor, targets: Tensor, step: int) -> Tensor:
    """One loss per class, neither quadratic nor the same at each step."""
    return ((images - targets).square() + 0.3 * torch.sin(images * (step + 1))).flatten(1).sum(1)


def problem(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(classes)
    start, targets = torch.randn((2, classes, 2, 3), generator=generator, dtype=torch.float64)
    return start, targets


@pytest.mark.parametrize("classes", [1, 2, 3, 5])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_closed_form_is_one_sgd_step_per_class_over_one_tensor(classes: int, momentum: float) -> None:
    start, targets = problem(classes)
    literal = start.clone().requires_grad_()
    sgd = torch.optim.SGD([literal], lr=0.05, momentum=momentum)
    ours = MatchingSGD(start.clone(), lr=0.05, momentum=momentum, sequential=True)
    for step in range(6):
        for label in range(classes):
            sgd.zero_grad()
            losses(literal, targets, step)[label].backward()
            sgd.step()
        losses(ours.visit(), targets, step).sum().backward()
        ours.step()
        torch.testing.assert_close(ours.images, literal.detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_together_it_is_one_sgd_step_for_all_classes(momentum: float) -> None:
    start, targets = problem(3)
    literal = start.clone().requires_grad_()
    sgd = torch.optim.SGD([literal], lr=0.05, momentum=momentum)
    ours = MatchingSGD(start.clone(), lr=0.05, momentum=momentum, sequential=False)
    for step in range(6):
        sgd.zero_grad()
        losses(literal, targets, step).sum().backward()
        sgd.step()
        losses(ours.visit(), targets, step).sum().backward()
        ours.step()
    torch.testing.assert_close(ours.images, literal.detach(), rtol=1e-12, atol=1e-12)


def test_images_are_changed_in_place() -> None:
    start, targets = problem(2)
    before = start.clone()
    optimiser = MatchingSGD(start, lr=0.1, momentum=0.5, sequential=True)
    losses(optimiser.visit(), targets, 0).sum().backward()
    optimiser.step()
    assert optimiser.images is start
    assert not torch.equal(start, before)


def test_a_step_without_a_gradient_is_refused() -> None:
    optimiser = MatchingSGD(torch.zeros(2, 3), lr=0.1, momentum=0.5, sequential=True)
    with pytest.raises(RuntimeError, match="visit"):
        optimiser.step()
    optimiser.visit()
    with pytest.raises(RuntimeError, match="backward"):
        optimiser.step()
