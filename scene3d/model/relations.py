"""The relation scorer: which objects a sentence is about, by names, looks and geometry, without the language model.

It reads a sentence into a few slots (what is sought, how it looks, how things relate, up to three things that tell
which) and these into the ways in which it singles out. It finds those things, and compares every object with them and
with its rivals: nearest, larger and leftmost are questions of rank among those that fit the name. Three readings of
these findings add up: what stands first, second or third by one measure that the sentence chooses; all findings, each
with a weight that the sentence gives it; and a small network for what needs several at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize

from scene3d.model.geometry_features import PAIR_FEATURES, own_measures, pair_features, placed_measures, sizes
from scene3d.types import Referents

ANCHORS = 3
_SLOTS = 3 + ANCHORS
_OWN_MEASURES, _MEASURES = 9, 9 + 5 * ANCHORS + 5
_PAIRED = 48
_PLACES = 3
"""First, second, third."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerConfig:
    """Sizes of the relation scorer."""

    feature_width: int = 128
    kinds: int = 198
    looks: int = 22
    places: int = 11
    text_width: int = 384
    ways: int = 40
    """Ways in which sentences single objects out: places and ranks."""
    width: int = 128
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    feature_dropout: float = 0.4
    """Of the detector's features: what the class and the look say should do where they can."""
    reading_dropout: float = 0.3
    """Share of the sentences that are judged by nothing but the way in which they single objects out, of those of
    which it is known."""
    name_dropout: float = 0.3
    """Share of the sentences that have to tell names by the sentence encoder alone, as names that are new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What t sentences say about r objects, as logits."""

    target: Float[Tensor, "t r"]
    """The object is among those that the sentence is about."""
    absent: Float[Tensor, "t"]
    """No object is."""
    candidate: Float[Tensor, "t r"]
    """The object fits the name of what is sought."""
    anchor: Float[Tensor, "t a r1"]
    """For each thing the sentence is told by, a distribution's logits over the objects; the last column: none."""
    picked: Float[Tensor, "t r"]
    """Log-probability that the object is the one picked by its rank."""
    way: Float[Tensor, "t y"]
    """The sentence singles out in this way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What is true of some sentences, so that how things relate is learnt before it is known what is spoken of."""

    given: Bool[Tensor, "t"]
    """Sentences for which the rest counts."""
    anchor: Float[Tensor, "t a r"]
    candidate: Float[Tensor, "t r"]
    way_known: Bool[Tensor, "t"]
    """Sentences of which it is known in which ways they single out; they may be judged by these alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the names in t sentences mean, each read alone; see `scene3d.model.naming`."""

    sought: Bool[Tensor, "t"]
    """Sentences in which the words for what is sought were found."""
    candidate: Float[Tensor, "t r"]
    """Logits: the object fits these words."""
    by: Bool[Tensor, "t a"]
    """The same for each thing that tells which."""
    anchor: Float[Tensor, "t a r1"]
    """Logits of what is meant by it; the last column: nothing that is here."""


class RelationScorer(nn.Module):
    """Scores objects against sentences.

    Args:
        config: Sizes.
        kind_names: Text embeddings of the class names, (k, text_width).
        look_names: Those of the colours and materials, in the order of `Referents.look`.
    """

    def __init__(
        self,
        config: ScorerConfig,
        kind_names: Float[Tensor, "k e"] | None = None,
        look_names: Float[Tensor, "l e"] | None = None,
    ) -> None:
        super().__init__()
        width, text = config.width, config.text_width
        self.config = config
        self.register_buffer("kind_names", torch.zeros(config.kinds, text) if kind_names is None else kind_names)
        self.register_buffer("look_names", torch.zeros(config.looks, text) if look_names is None else look_names)
        self.kind_names: Tensor
        self.look_names: Tensor
        self.slots = nn.Parameter(torch.randn(_SLOTS, width) * 0.1)
        self.from_token = nn.Linear(text, width)
        layer = nn.TransformerEncoderLayer(
            width, config.heads, 2 * width, dropout=config.dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.reader = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.from_feature = nn.Dropout(config.feature_dropout)
        own = config.feature_width + config.looks + config.places + 2
        self.from_referent = nn.Sequential(nn.Linear(own, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.from_name = nn.Linear(text, width, bias=False)
        self.from_look = nn.Linear(text, width, bias=False)
        self.slot_to_referent = nn.Linear(width, width)
        self.slot_to_token = nn.Linear(width, width)
        self.token_key = nn.Linear(text, width)
        self.name_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.plain_scale = nn.Parameter(torch.tensor(math.log(3.0)))
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(30.0)))
        self.class_scale = nn.Parameter(torch.tensor(math.log(0.3)))
        self.name_bias = nn.Parameter(torch.tensor(-3.0))
        self.look_scale = nn.Linear(width, 1)  # how much a slot is told by its look
        self.no_anchor = nn.Linear(width, 1)
        self.either = nn.Linear(width, 2)
        nn.init.zeros_(self.either.weight)
        nn.init.constant_(self.either.bias, -6.0)
        self.to_way = nn.Linear(_SLOTS * width, config.ways)
        self.from_way = nn.Linear(config.ways, _SLOTS * width, bias=False)
        nn.init.zeros_(self.from_way.weight)
        self.pair = nn.Sequential(nn.Linear(PAIR_FEATURES, 64), nn.GELU(), nn.Linear(64, _PAIRED))
        self.log_softness = nn.Parameter(torch.full((_MEASURES,), math.log(0.1)))
        findings = 4 * _MEASURES + _PAIRED * ANCHORS + 2
        weights = nn.Linear(128, findings)
        with torch.no_grad():
            weights.weight.mul_(0.1)  # begin with the name and the look
        self.weigh = nn.Sequential(nn.Linear(_SLOTS * width, 128), nn.GELU(), weights)
        self.choose = nn.Sequential(
            nn.Linear(_SLOTS * width, 128), nn.GELU(), nn.Linear(128, 2 * _MEASURES + 2 + _PLACES + 1)
        )
        self.log_strictness = nn.Parameter(torch.tensor(math.log(3.0)))
        self.judge = _Conditioned(2 + width + findings + 1 + ANCHORS, _SLOTS * width, 128)
        self.absence = nn.Sequential(nn.Linear(5 + 3 * width, 64), nn.GELU(), nn.Linear(64, 1))

    def forward(
        self,
        token: Float[Tensor, "t l e"],
        present: Bool[Tensor, "t l"],
        seen: Referents,
        selected: Float[Tensor, "t r 2"],
        hints: Hints | None = None,
        told: Told | None = None,
    ) -> Scores:
        """Score every object of one scene against every sentence.

        Args:
            token: States of the sentences' tokens, from the sentence encoder.
            present: False for padding.
            seen: The objects; at least one.
            selected: Per sentence and object: 1 where the user selected it, and where the dialogue spoke of it before.
            hints: In training.
            told: Takes the place of what the whole sentence is read to name.
        """
        slot = self._read(token, present)  # (t, 3 + a, w)
        referent = self._referents(seen)
        words = self._words(slot, token, present)
        fit = self._fit(slot, words, referent, seen.kind)  # (t, 3 + a, r)
        by_look = self._look_fit(slot, words, seen.look)
        anchor = fit[:, 3:] + by_look[:, 3:]
        candidate = self._either(slot, fit[:, 0], anchor)
        look = fit[:, 1] - self.name_bias + by_look[:, 1]
        anchor = anchor + 2 * selected.sum(2)[:, None]
        anchor = torch.cat([anchor, self.no_anchor(slot[:, 3:])], dim=2)
        if told is not None:
            candidate = torch.where(told.sought[:, None], told.candidate, candidate)
            anchor = torch.where(told.by[:, :, None], told.anchor, anchor)
        weight, rival = anchor.softmax(2)[:, :, :-1], candidate.sigmoid()  # (t, a, r), (t, r)
        if hints is not None:
            weight = torch.where(hints.given[:, None, None], hints.anchor, weight)
            rival = torch.where(hints.given[:, None], hints.candidate, rival)
        paired = torch.einsum("taj,ijd->tiad", weight, self.pair(pair_features(seen))).flatten(2)
        own_measure, placed = own_measures(seen), placed_measures(seen, weight)
        below, above, rivals = self._ranks(own_measure, placed, rival)
        rank = [below / (rivals[:, :, None] + 0.1), torch.exp(-2 * below), torch.exp(-2 * above)]
        way, reading = self._reading(slot, hints)
        choice = self.choose(reading)
        picked = self._picked(choice[:, :-1], below, above, rival, look)
        measure = torch.cat([own_measure.expand(len(token), -1, -1), placed], dim=2)  # (t, r, m)
        findings = torch.cat([measure, *rank, paired, selected], dim=2)
        weighed = torch.einsum("trf,tf->tr", findings, self.weigh(reading))
        context = [
            torch.stack([candidate, look, 1 / (1 + rivals)], dim=2),
            referent.expand(len(token), -1, -1),
            weight.sum(2)[:, None].expand(-1, len(referent), -1),
            findings,
        ]
        chosen = 2 * nn.functional.softplus(choice[:, -1:]) * (picked - picked.amax(1, keepdim=True)).clamp_min(-8)
        target = candidate + look + chosen + weighed + self.judge(torch.cat(context, dim=2), reading)
        absent = self._absent(target, candidate, slot[:, :3].flatten(1))
        return Scores(target=target, absent=absent, candidate=candidate, anchor=anchor, picked=picked, way=way)

    def named(
        self, token: Float[Tensor, "t l e"], present: Bool[Tensor, "t l"], seen: Referents
    ) -> Float[Tensor, "t r"]:
        """`Scores.candidate` alone, without comparing any two objects."""
        slot = self._read(token, present)
        words = self._words(slot, token, present)
        fit = self._fit(slot, words, self._referents(seen), seen.kind)
        return self._either(slot, fit[:, 0], fit[:, 3:] + self._look_fit(slot, words, seen.look)[:, 3:])

    def _either(
        self, slot: Float[Tensor, "t s w"], sought: Float[Tensor, "t r"], anchor: Float[Tensor, "t a r"]
    ) -> Float[Tensor, "t r"]:
        """What is sought, or either of the first two things that the sentence names, where it chooses between them."""
        gate = nn.functional.logsigmoid(self.either(slot[:, 0]))[:, :, None]
        return torch.logaddexp(sought, torch.logsumexp(anchor[:, :2] + gate, dim=1))

    def _referents(self, seen: Referents) -> Float[Tensor, "r w"]:
        own = torch.cat([self.from_feature(seen.embedding), seen.look, seen.place, sizes(seen)], dim=1)
        return self.from_referent(own)

    def _read(self, token: Float[Tensor, "t l e"], present: Bool[Tensor, "t l"]) -> Float[Tensor, "t s w"]:
        slots = self.slots.expand(len(token), -1, -1)
        there = torch.ones(len(token), len(self.slots), dtype=torch.bool)
        state = torch.cat([slots, self.from_token(token)], dim=1)
        padding = ~torch.cat([there, present], dim=1)
        return self.reader(state, src_key_padding_mask=padding)[:, : len(self.slots)]

    def _reading(
        self, slot: Float[Tensor, "t s w"], hints: Hints | None
    ) -> tuple[Float[Tensor, "t y"], Float[Tensor, "t sw"]]:
        """In which ways sentences single out, as logits, and these added to all that was read.

        Ways are named in training, so what is learnt of one phrasing serves for others: of what is in the middle of the
        room, said in held-out ones, 0.44 was found then, without them 0.26.
        """
        read = slot.flatten(1)
        way = self.to_way(read)
        if hints is not None:
            alone = hints.way_known & (torch.rand(len(read)) < self.config.reading_dropout)
            read = read * ~alone[:, None]
        return way, read + self.from_way(way.sigmoid())

    def _words(
        self, slot: Float[Tensor, "t s w"], token: Float[Tensor, "t l e"], present: Bool[Tensor, "t l"]
    ) -> Float[Tensor, "t s e"]:
        """What each slot speaks of, in the sentence encoder's own space, where words for one thing lie together."""
        match = self.slot_to_token(slot) @ self.token_key(token).transpose(1, 2) / math.sqrt(slot.shape[2])
        return match.masked_fill(~present[:, None], -torch.inf).softmax(2) @ token

    def _fit(
        self,
        slot: Float[Tensor, "t s w"],
        words: Float[Tensor, "t s e"],
        referent: Float[Tensor, "r w"],
        kind: Float[Tensor, "r k"],
    ) -> Float[Tensor, "t s r"]:
        """How well each object is what each slot speaks of: by its feature, and by the words for its class.

        Words are compared as training has learnt to, and as the sentence encoder has them, which holds for words that
        no training sentence had: with the mix of names that the object may have, and, sharper, by the chance that
        words and object are of one class. Of names left out in turn the second finds 0.86, the first 0.81.
        """
        by_feature = self.slot_to_referent(slot) @ referent.T / math.sqrt(referent.shape[1])
        named = kind @ self.kind_names
        plain = normalize(words, dim=2) @ normalize(named, dim=1).T
        by_name = normalize(self.from_name(words), dim=2) @ normalize(self.from_name(named), dim=1).T
        of_class = self.of_class(words, kind)
        learnt = by_feature + self.name_scale.exp() * by_name
        if self.training:
            learnt = learnt * (torch.rand(len(words), 1, 1) >= self.config.name_dropout)
        told = self.plain_scale.exp() * plain + self.class_scale.exp() * of_class.clamp_min(1e-4).log()
        return learnt + told + self.name_bias

    def of_class(self, words: Float[Tensor, "*t e"], kind: Float[Tensor, "r k"]) -> Float[Tensor, "*t r"]:
        """The chance that words and object are of one class, by the words' vectors alone: sharpened cosines with the
        names of the classes, and what the object is taken for."""
        near = normalize(words, dim=-1) @ normalize(self.kind_names, dim=1).T  # (t, s, k)
        return (self.log_sharpness.exp() * near).softmax(-1) @ kind.T

    def _look_fit(
        self, slot: Float[Tensor, "t s w"], words: Float[Tensor, "t s e"], look: Float[Tensor, "r k"]
    ) -> Float[Tensor, "t s r"]:
        """How well each object has the colour and the material that each slot speaks of, if it does."""
        own = normalize(self.from_look(look @ self.look_names), dim=1)
        return self.look_scale(slot) * (normalize(self.from_look(words), dim=2) @ own.T)

    def _ranks(
        self, own: Float[Tensor, "r m1"], placed: Float[Tensor, "t r m2"], rival: Float[Tensor, "t r"]
    ) -> tuple[Float[Tensor, "t r m"], Float[Tensor, "t r m"], Float[Tensor, "t r"]]:
        """How many of its rivals measure less than each object, how many more, and how many there are."""
        softness = self.log_softness.exp()
        alone = 1 - torch.eye(rival.shape[1])
        others = rival[:, None, :] * alone
        own, placed = own / softness[:_OWN_MEASURES], placed / softness[_OWN_MEASURES:]
        own_less = (own[:, None] - own[None]).sigmoid() * alone[:, :, None]  # (i, j, m1)
        less = (placed[:, :, None] - placed[:, None]).sigmoid()  # (t, i, j, m2)
        below = torch.cat(
            [torch.einsum("tj,ijm->tim", rival, own_less), torch.einsum("tij,tijm->tim", others, less)], dim=2
        )
        count = others.sum(2)
        return below, count[:, :, None] - below, count

    def _picked(
        self,
        choice: Float[Tensor, "t o"],
        below: Float[Tensor, "t r m"],
        above: Float[Tensor, "t r m"],
        rival: Float[Tensor, "t r"],
        look: Float[Tensor, "t r"],
    ) -> Float[Tensor, "t r"]:
        """The one by its look, any one, or the first to third from the least or the most of one measure, summed over
        how likely each is meant."""
        by, place = choice.split([2 * _MEASURES + 2, _PLACES], dim=1)
        by = by.log_softmax(1)
        ahead = torch.cat([below, above], dim=2)  # (t, r, 2m): rivals that come before
        away = (ahead[..., None] - torch.arange(_PLACES)).abs()
        able = rival.clamp(1e-4, 1 - 1e-4).logit()
        share = (able[:, :, None, None] - self.log_strictness.exp() * away).log_softmax(1)
        meant = by[:, :-2, None] + place.log_softmax(1)[:, None]  # (t, 2m, p)
        others = torch.stack([(able + look).log_softmax(1), able.log_softmax(1)], dim=2) + by[:, None, -2:]
        return torch.cat([(share + meant[:, None]).flatten(2), others], dim=2).logsumexp(2)

    def _absent(
        self, target: Float[Tensor, "t r"], candidate: Float[Tensor, "t r"], read: Float[Tensor, "t w3"]
    ) -> Float[Tensor, "t"]:
        best = target.topk(min(2, target.shape[1]), dim=1).values
        second = best[:, -1]
        facts = [best[:, 0], second, target.logsumexp(1), candidate.amax(1), target.sigmoid().sum(1)]
        return self.absence(torch.cat([torch.stack(facts, dim=1), read], dim=1))[:, 0]


class _Conditioned(nn.Module):
    """A small network over objects whose hidden units a sentence turns up and down."""

    def __init__(self, features: int, told: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, width)
        self.norm = nn.LayerNorm(width)
        self.turn = nn.Linear(told, 4 * width)
        self.middle = nn.Linear(width, width)
        self.leave = nn.Linear(width, 1)

    def forward(self, feature: Float[Tensor, "t r f"], told: Float[Tensor, "t s"]) -> Float[Tensor, "t r"]:
        gain, shift, gain2, shift2 = self.turn(told)[:, None].chunk(4, dim=2)
        hidden = gelu(self.norm(self.enter(feature)) * (1 + gain) + shift)
        hidden = gelu(self.middle(hidden) * (1 + gain2) + shift2)
        return self.leave(hidden)[:, :, 0]


def evidence(
    target: Float[Tensor, "l r"], anchor: Float[Tensor, "l a r1"], phrase: Float[Tensor, "l r"]
) -> Float[Tensor, "l r 3"]:
    """What the scorer says of each object for l phrases, as bounded logits: by the question that the phrase answers, by
    what that question is told by, and by the phrase itself."""
    told_by = anchor.softmax(2)[:, :, :-1].amax(1).clamp(1e-4, 1 - 1e-4).logit()
    return torch.stack([target, told_by, phrase], dim=2).clamp(-8, 8) / 4
