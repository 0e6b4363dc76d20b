"""Elements that vote for one centre are one object: groups without queries, and the element each one is read from."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from torch import Tensor

from scene3d.model.detector import SceneElements

_LINKS_AT_ONCE = 65_536
"""Links whose classes are compared in one go: 100 MB with 200 classes."""


def cluster_elements(
    scene: SceneElements, *, radii_m: tuple[float, ...], alike: float, foreground: float, most: int
) -> Bool[Tensor, "k e"]:
    """Group elements that are probably part of an object, once per radius.

    Two elements are linked where their votes lie within the radius and their classes agree; whatever links connect is
    one group. A small radius keeps apart what touches, a large one holds together what is seen in parts.

    Args:
        scene: Elements with votes and class logits.
        radii_m: Largest distances of linked votes, metres; at least one.
        alike: Least Bhattacharyya coefficient (0–1) of the classes of linked elements, background left out.
        foreground: Elements less likely than this to be part of an object are in no group.
        most: Only so many groups, those with the most points.

    Returns:
        Largest first, each group once though several radii may find it; none where no element is part of an object.

    Source: Jiang et al., CVPR 2020 (arXiv:2004.01658), section 3.3. Theirs are points: there classes are equal or not,
        and a second grouping goes by original places, which adds nothing here (docs/log.md, section 26).
    """
    probability = scene.class_logit.softmax(1)
    member = torch.nonzero((1 - probability[:, -1] >= foreground) & (scene.size > 0))[:, 0]
    if not len(member):
        return torch.zeros(0, len(scene.size), dtype=torch.bool, device=scene.size.device)
    vote_m = scene.elements.vote_m[member]
    link = _pairs_within(vote_m, max(radii_m))
    link = link[_agreement(probability[member, :-1], link) >= alike]
    distance_m = (vote_m[link[:, 0]] - vote_m[link[:, 1]]).norm(dim=1)
    groups = [_components(link[distance_m <= radius_m], len(member)) for radius_m in radii_m]
    masks = [_largest_groups(group, member, scene.size, most) for group in groups]
    mask = torch.unique(torch.cat(masks), dim=0)
    order = torch.argsort(mask.float() @ scene.size, descending=True, stable=True)
    return mask[order[:most]]


def core_elements(mask: Bool[Tensor, "k e"], scene: SceneElements) -> Int64[Tensor, "k"]:
    """The element of each group whose vote lies nearest to the mean of the group's votes, by points."""
    if not len(mask):
        return torch.zeros(0, dtype=torch.int64, device=mask.device)
    share = mask * scene.size
    centre_m = share @ scene.elements.vote_m / share.sum(1, keepdim=True)
    return torch.cdist(centre_m, scene.elements.vote_m).masked_fill(~mask, torch.inf).argmin(1)


def _pairs_within(place_m: Float[Tensor, "n 3"], radius_m: float) -> Int64[Tensor, "p 2"]:
    pairs = KDTree(place_m.cpu().numpy()).query_pairs(radius_m, output_type="ndarray")
    return torch.from_numpy(pairs.astype(np.int64)).to(place_m.device)


def _agreement(probability: Float[Tensor, "n k"], link: Int64[Tensor, "p 2"]) -> Float[Tensor, "p"]:
    """Bhattacharyya coefficient of the ends of each link."""
    kind = torch.nn.functional.normalize(probability.sqrt(), dim=1)
    return torch.cat([(kind[ends[:, 0]] * kind[ends[:, 1]]).sum(1) for ends in link.split(_LINKS_AT_ONCE)])


def _components(link: Int64[Tensor, "p 2"], count: int) -> Int64[Tensor, "n"]:
    """Connected component of each of `count` nodes."""
    start, end = link.cpu().numpy().T
    graph = coo_array((np.ones(len(link), dtype=bool), (start, end)), shape=(count, count))
    return torch.from_numpy(connected_components(graph, directed=False)[1]).long().to(link.device)


def _largest_groups(
    group: Int64[Tensor, "n"], member: Int64[Tensor, "n"], size: Float[Tensor, "e"], most: int
) -> Bool[Tensor, "k e"]:
    """Masks of the groups with the most points; memory goes with `most`, not with the number of groups."""
    points = size.new_zeros(int(group.max()) + 1).index_add(0, group, size[member])
    largest = torch.argsort(points, descending=True, stable=True)[:most]
    element_group = torch.full_like(size, -1, dtype=torch.int64)
    element_group[member] = group
    return element_group == largest[:, None]
