"""The alignment head: which phrase names which object, learnt by contrast, so that any text can be looked for."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize


class AlignmentHead(nn.Module):
    """Projects queries and phrases into one space; their cosine says how well they fit.

    Args:
        query_width: Channels of a query.
        text_width: Channels of a phrase embedding.
        width: Channels of the common space.
    """

    def __init__(self, query_width: int, *, text_width: int, width: int) -> None:
        super().__init__()
        self.from_query = nn.Sequential(nn.Linear(query_width, query_width), nn.GELU(), nn.Linear(query_width, width))
        self.from_text = nn.Linear(text_width, width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))  # a temperature of 0.1
        self.bias = nn.Parameter(torch.tensor(-5.0))

    def embed_queries(self, feature: Float[Tensor, "q c"]) -> Float[Tensor, "q d"]:
        """Unit vectors of queries."""
        return normalize(self.from_query(feature), dim=1)

    def embed_text(self, text: Float[Tensor, "t c"]) -> Float[Tensor, "t d"]:
        """Unit vectors of phrases."""
        return normalize(self.from_text(text), dim=1)

    def logits(self, query: Float[Tensor, "q d"], text: Float[Tensor, "t d"]) -> Float[Tensor, "q t"]:
        """How well each phrase fits each query; the sigmoid is a probability after calibration."""
        return query @ text.T * self.log_scale.exp() + self.bias
