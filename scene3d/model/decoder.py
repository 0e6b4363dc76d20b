"""The mask decoder: queries look at elements and become masks.

It knows neither points nor pixels: an element is a superpoint, an image patch or a patch of a video, with a feature, a
place and a vote for the centre of the thing it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

_BLOCKED = -1e4
"""Added to an attention logit to block it; finite, so that a row with everything blocked has no NaN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """What masks are made of, for one scene, picture or clip."""

    feature: Float[Tensor, "e c"]
    place_m: Float[Tensor, "e 3"]
    """Centre of the element; pictures put pixels into the first two axes, video time into the third."""
    vote_m: Float[Tensor, "e 3"]
    """Where the element holds the centre of its object to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The queries after one layer."""

    feature: Float[Tensor, "q c"]
    mask_logit: Float[Tensor, "q e"]


class MaskDecoder(nn.Module):
    """Queries start from elements, attend to what their masks cover and to each other, and refine their masks.

    Args:
        width: Channels of elements and queries.
        heads: Attention heads; they divide `width`.
        layers: Rounds of attention.
        hidden: Channels inside the feed-forward networks.

    Source: masked attention follows Cheng et al., CVPR 2022 (arXiv:2112.01527); queries that start from superpoints
        follow Kolodiazhnyi et al., CVPR 2024 (arXiv:2311.14405); the pull of votes on masks is ours.
    """

    def __init__(self, width: int, *, heads: int, layers: int, hidden: int) -> None:
        super().__init__()
        self.start = _mlp(width, width, width)
        self.start_norm = nn.LayerNorm(width)
        self.position = PositionEncoding(width)
        self.layers = nn.ModuleList(_Layer(width, heads=heads, hidden=hidden) for _ in range(layers))
        self.predict_mask = _MaskHead(width)

    def forward(self, elements: Elements, query: Int64[Tensor, "q"]) -> list[Decoded]:
        """Decode the queries that start from the elements `query`.

        Returns:
            One entry before the first layer and one after each; the last is the answer, all of them are supervised.
        """
        vote = elements.vote_m[query]
        feature = self.start_norm(self.start(elements.feature[query]))
        query_position = self.position(vote)
        key_position = self.position(elements.place_m)
        decoded = [self.predict_mask(feature, vote, elements)]
        for layer in self.layers:
            blocked = decoded[-1].mask_logit.detach() < 0
            feature = layer(feature, query_position, elements.feature, key_position, blocked)
            decoded.append(self.predict_mask(feature, vote, elements))
        return decoded


class PositionEncoding(nn.Module):
    """Places in metres to channels, by sines of learnt mixtures of the axes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        octaves = 2.0 ** torch.arange(-2, 5)  # wavelengths of 8 m down to 12 cm
        self.register_buffer("frequency", octaves * torch.pi, persistent=False)
        self.mix = nn.Linear(3 * 2 * len(octaves), width)

    frequency: Tensor

    def forward(self, place_m: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """Encode places."""
        phase = (place_m[:, :, None] * self.frequency).flatten(1)
        return self.mix(torch.cat([phase.sin(), phase.cos()], dim=1))


class _Layer(nn.Module):
    """Masked cross-attention, self-attention, feed-forward; norms after each."""

    def __init__(self, width: int, *, heads: int, hidden: int) -> None:
        super().__init__()
        self.cross = _Attention(width, heads=heads)
        self.cross_norm = nn.LayerNorm(width)
        self.self_attention = _Attention(width, heads=heads)
        self.self_norm = nn.LayerNorm(width)
        self.feed_forward = _mlp(width, hidden, width)
        self.feed_forward_norm = nn.LayerNorm(width)

    def forward(
        self,
        query: Float[Tensor, "q c"],
        query_position: Float[Tensor, "q c"],
        element: Float[Tensor, "e c"],
        element_position: Float[Tensor, "e c"],
        blocked: Bool[Tensor, "q e"],
    ) -> Float[Tensor, "q c"]:
        blocked = blocked & ~blocked.all(dim=1, keepdim=True)  # an empty mask looks everywhere
        looked = self.cross(query + query_position, element + element_position, element, blocked)
        query = self.cross_norm(query + looked)
        placed = query + query_position
        query = self.self_norm(query + self.self_attention(placed, placed, query, None))
        return self.feed_forward_norm(query + self.feed_forward(query))


class _Attention(nn.Module):
    """Multi-head attention of one unbatched set to another."""

    def __init__(self, width: int, *, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}")
        self.heads, self.head_width = heads, width // heads
        self.to_query = nn.Linear(width, width)
        self.to_key = nn.Linear(width, width)
        self.to_value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        query: Float[Tensor, "q c"],
        key: Float[Tensor, "k c"],
        value: Float[Tensor, "k c"],
        blocked: Bool[Tensor, "q k"] | None,
    ) -> Float[Tensor, "q c"]:
        split = [
            layer(x).view(1, len(x), self.heads, self.head_width).transpose(1, 2)
            for layer, x in ((self.to_query, query), (self.to_key, key), (self.to_value, value))
        ]
        bias = None if blocked is None else blocked.to(query.dtype) * _BLOCKED
        mixed = scaled_dot_product_attention(split[0], split[1], split[2], attn_mask=bias)
        return self.out(mixed.transpose(1, 2).reshape(query.shape))


class _MaskHead(nn.Module):
    """A query's mask: likeness of features, and closeness of the elements' votes to the query's centre.

    Votes alone already group elements, as clustering does, so masks are useful from the first steps of a training; the
    features learn what votes cannot tell apart.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kernel = _mlp(width, width, width)
        self.element = nn.Linear(width, width)
        self.geometry = nn.Linear(width, 5)  # shift of the centre (3), log radius, bias
        nn.init.zeros_(self.geometry.weight)
        nn.init.zeros_(self.geometry.bias)

    def forward(self, feature: Float[Tensor, "q c"], vote: Float[Tensor, "q 3"], elements: Elements) -> Decoded:
        likeness = self.kernel(feature) @ self.element(elements.feature).T / feature.shape[1] ** 0.5
        shift, log_radius, bias = self.geometry(feature).float().split([3, 1, 1], dim=1)
        radius = 0.3 * log_radius.clamp(-3, 3).exp()  # metres; 0.3 at the start, about half a chair
        distance = torch.cdist(vote + shift, elements.vote_m.float())
        return Decoded(feature=feature, mask_logit=likeness + bias + 2 - 2 * distance / radius)


def _mlp(channels: int, hidden: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, out_channels))
