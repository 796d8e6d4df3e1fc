"""How does a network learn? One loop for every recipe: seeds, precision, devices, checkpoints that resume."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

Loss = Callable[[nn.Module, tuple[torch.Tensor, ...]], torch.Tensor]
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Schedule:
    """How long, how fast: SGD with momentum, or Adam; `milestones` are epochs at which `gamma` multiplies the rate.

    `cosine` lets the rate fall to zero along half a cosine over all epochs instead. `patience`: training stops after so
    many epochs without a lower loss, of validation or, where there is none, of training; 0 never stops it.
    """

    epochs: int = 25
    batch: int = 320
    rate: float = 1e-2
    momentum: float = 0.9
    weight_decay: float = 1e-4
    milestones: tuple[int, ...] = ()
    gamma: float = 0.5
    cosine: bool = False
    optimizer: Literal["sgd", "adam"] = "sgd"
    patience: int = 0
    seed: int = 0
    precision: str = "32-true"
    workers: int = 0


class Shuffled(Sampler[int]):
    """Every index once, ordered by the seed and the epoch alone, so that a resumed run goes on alike."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed, self.epoch = count, seed, 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        yield from torch.randperm(self.count, generator=generator).tolist()

    def __len__(self) -> int:
        return self.count


def fit(
    model: nn.Module,
    data: Callable[[int], Dataset[tuple[torch.Tensor, ...]]],
    loss: Loss,
    schedule: Schedule,
    folder: Path,
    progress: Progress | None = None,
    validate: Callable[[nn.Module], float] | None = None,
) -> nn.Module:
    """Train `model` on `data(epoch)` and return it, on the CPU, in evaluation mode.

    A checkpoint lies in `folder` after every epoch; a run that finds one goes on from there to the same weights.
    With `validate` (a loss, lower is better) the weights of the best epoch are returned (8.3.2).
    """
    fabric = Fabric(
        precision=schedule.precision,  # type: ignore[arg-type]
        devices="auto" if torch.cuda.is_available() else 1,
    )
    fabric.launch()
    torch.manual_seed(schedule.seed)
    net, optimizer = fabric.setup(_channels_last(model), _optimizer(model, schedule))
    falling = _falling(optimizer.optimizer, schedule)
    state = {"model": net, "optimizer": optimizer, "falling": falling, "epoch": 0, "best": float("inf"), "waited": 0}
    last, best = folder / "last.ckpt", folder / "best.ckpt"
    if last.exists():
        fabric.load(last, state, weights_only=True)
    while state["epoch"] < schedule.epochs and not 0 < schedule.patience <= state["waited"]:
        torch.manual_seed(schedule.seed * 100_003 + state["epoch"])
        found = _epoch(fabric, net, optimizer, data(state["epoch"]), loss, schedule, state["epoch"], progress)
        falling.step()
        if validate is not None:
            found = validate(net.eval())
        state |= {"epoch": state["epoch"] + 1, "waited": state["waited"] + 1}
        if found < state["best"]:
            state |= {"best": found, "waited": 0}
            if validate is not None:
                _save(fabric, best, {"model": net})
        _save(fabric, last, state)
    if validate is not None and best.exists():  # its loss may never have been a number
        fabric.load(best, {"model": net}, weights_only=True)
    return model.cpu().eval()


def _epoch(
    fabric: Fabric, net: nn.Module, optimizer: torch.optim.Optimizer, data: Dataset[tuple[torch.Tensor, ...]],
    loss: Loss, schedule: Schedule, epoch: int, progress: Progress | None,
) -> float:  # fmt: skip
    """One pass over the data; the mean loss."""
    order = Shuffled(len(data), schedule.seed)  # type: ignore[arg-type]
    order.epoch = epoch
    loader = DataLoader(
        data, schedule.batch, sampler=order, num_workers=schedule.workers, drop_last=len(order) > schedule.batch
    )
    batches = fabric.setup_dataloaders(loader)
    net.train()
    total = 0.0
    for number, batch in enumerate(batches):
        optimizer.zero_grad()
        value = loss(net, batch)
        fabric.backward(value)
        optimizer.step()
        total += value.item()
        if progress is not None:
            done = (epoch + (number + 1) / len(batches)) / schedule.epochs
            progress(done, f"epoch {epoch + 1}/{schedule.epochs}, loss {value.item():.3f}")
    return total / len(batches)


def _save(fabric: Fabric, path: Path, state: dict[str, Any]) -> None:
    """A checkpoint, whole or not at all."""
    partial = path.with_suffix(".part")
    fabric.save(partial, state)
    if fabric.is_global_zero:
        partial.replace(path)
    fabric.barrier()


def _channels_last(model: nn.Module) -> nn.Module:
    """Kernels laid out as processors read them: up to three times faster."""
    for value in model.parameters():
        if value.dim() == 4:
            value.data = value.data.contiguous(memory_format=torch.channels_last)
    return model


def _optimizer(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    learnt = [value for value in model.parameters() if value.requires_grad]
    if schedule.optimizer == "adam":
        return torch.optim.Adam(learnt, schedule.rate, weight_decay=schedule.weight_decay)
    return torch.optim.SGD(learnt, schedule.rate, momentum=schedule.momentum, weight_decay=schedule.weight_decay)


def _falling(optimizer: torch.optim.Optimizer, schedule: Schedule) -> torch.optim.lr_scheduler.LRScheduler:
    if schedule.cosine:
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.epochs)
    return torch.optim.lr_scheduler.MultiStepLR(optimizer, list(schedule.milestones), schedule.gamma)
