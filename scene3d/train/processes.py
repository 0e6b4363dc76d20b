"""Several processes at one training, as torchrun starts them: who takes part, and what is kept in shards or alike."""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._pytree import tree_map

from scene3d.model.detector import Detector


def join_group(device: str) -> tuple[int, int]:
    """Rank and number of processes; joins the others when started by torchrun."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and not dist.is_initialized():
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
    return (dist.get_rank(), world) if world > 1 else (0, 1)


def leave_group() -> None:
    """Wait for the others, so that what one process wrote is there for all, and part."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def shard(detector: Detector, root: nn.Module, device: str) -> None:
    """Spread the parameters over the processes, in place; whole layers come together only while they compute.

    Args:
        detector: What is spread: its backbone and each layer of its decoder on their own, the rest together.
        root: The module whose forward is called; it holds the detector, or is it.
        device: "cpu" or "cuda".
    """
    mesh = init_device_mesh(device, (dist.get_world_size(),))
    for part in (detector.backbone, *detector.decoder.layers):
        fully_shard(part, mesh=mesh)
    fully_shard(root, mesh=mesh)


def whole(state: Any) -> Any:
    """The same nested state with whole tensors in place of shards. All processes call it, or none."""
    return tree_map(lambda value: value.full_tensor() if isinstance(value, DTensor) else value, state)


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load the state of whole tensors; parameters in shards take their part of it."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    kept = {i: _like(parameters[i], values) for i, values in state["state"].items()}
    optimizer.load_state_dict(state | {"state": kept})


def _like(parameter: Tensor, values: dict[str, Tensor]) -> dict[str, Tensor]:
    if not isinstance(parameter, DTensor):
        return values
    mesh, placements = parameter.device_mesh, parameter.placements
    return {
        name: distribute_tensor(value.to(parameter.device), mesh, placements)
        if value.shape == parameter.shape
        else value
        for name, value in values.items()
    }


def moving_average(detector: Detector, decay: float) -> AveragedModel:
    """Exponential moving average of parameters and buffers; of shards where they are sharded."""
    average = get_ema_multi_avg_fn(decay)

    def of_shards(averaged: Any, current: Any, count: Any) -> None:
        average([_local(value) for value in averaged], [_local(value) for value in current], count)

    return AveragedModel(detector, multi_avg_fn=of_shards, use_buffers=True)


def _local(value: Tensor) -> Tensor:
    return value.to_local() if isinstance(value, DTensor) else value


@torch.no_grad()
def share_buffers(module: nn.Module) -> None:
    """Give every process the mean of all processes' buffers: the running figures of batch norms."""
    buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
    flat = torch.cat([buffer.flatten() for buffer in buffers])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for buffer, mean in zip(buffers, flat.split([buffer.numel() for buffer in buffers]), strict=True):
        buffer.copy_(mean.view_as(buffer))
