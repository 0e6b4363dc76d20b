"""What crosses a wall: frozen dataclasses, metres, z up, right-handed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jaxtyping import Bool, Float, Float32, Float64, Int32, Int64, UInt8
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One posed RGB-D picture."""

    rgb: UInt8[Tensor, "h w 3"]
    depth_m: Float32[Tensor, "h w"] | None
    """Distance along the optical axis; 0 where nothing came back."""
    intrinsic: Float64[Tensor, "3 3"]
    """Pinhole matrix in pixels of `rgb`; camera x right, y down, z forward."""
    world_from_camera: Float64[Tensor, "4 4"]
    """In the scene's frame."""
    time_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthObject:
    """One annotated object."""

    id: int
    label: str
    """ScanNet200 name where there is one, else the annotator's own."""
    category_id: int
    """ScanNet200 id (the official, sparse one); 0 where the label is not among the 200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Annotations of a scan, per point."""

    instance: Int32[Tensor, "n"]
    """Object id per point, -1 where there is none."""
    category_id: Int32[Tensor, "n"]
    """ScanNet200 id per point, walls and floor included; 0 where unlabelled."""
    objects: tuple[TruthObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that a reader decided or noticed. Never silent, always overridable."""

    topic: str
    """"up_axis", "unit", "origin", "colour", "points", "faces", …"""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A scan as every other part wants it: metric, z up, near the origin."""

    name: str
    xyz_m: Float32[Tensor, "n 3"]
    rgb: UInt8[Tensor, "n 3"] | None = None
    normal: Float32[Tensor, "n 3"] | None = None
    """Unit length, pointing out of the surface towards the viewer where that is known."""
    faces: Int64[Tensor, "f 3"] | None = None
    superpoint: Int64[Tensor, "n"] | None = None
    """Over-segment per point, 0 … s-1; None until `geometry.over_segment` or the file gave one."""
    frames: Sequence[Frame] = ()
    """Posed pictures, read when asked for."""
    file_from_scene: Float64[Tensor, "4 4"]
    """Maps homogeneous scene coordinates to those of the file, in the file's unit, axes and origin."""
    scene_point_of_file: Int32[Tensor, "m"] | None = None
    """For each point of the file, the scene point that stands for it, -1 if dropped; None: the same points in order."""
    viewpoint_m: Float32[Tensor, "3"] | None = None
    """Where the camera stood, for a single unfused view; None where the scan was seen from many places."""
    truth: Truth | None = None
    fields: dict[str, Tensor] = field(default_factory=dict)
    """Custom per-point fields of the file, by name, first axis n."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """Candidate objects, best first; q of them over e elements (points, pixels or video pixels)."""

    id: tuple[int, ...]
    """What other parts call each of them; stable for the life of a session."""
    mask: Bool[Tensor, "q e"]
    score: Float[Tensor, "q"]
    """Calibrated probability that this is an object with mask IoU above 0.5."""
    embedding: Float[Tensor, "q c"]
    """In the space of the alignment head: a cosine with a phrase embedding tells how well the phrase fits."""
    box: Float[Tensor, "q 6"]
    """Axis-aligned minimum then maximum of the mask's points but for a few outermost ones, scene frame, metres."""
    label: tuple[str, ...] | None = None
    rgb: Float[Tensor, "q 3"] | None = None
    """Mean colour, 0–1."""
    facing_rad: Float[Tensor, "q"] | None = None
    """Yaw of the object's front about z, 0 along +x."""
    facing_confidence: Float[Tensor, "q"] | None = None
    """Probability that the front is known to 45 degrees; low for round or front-less things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Referents:
    """What the language model sees of proposals, whatever branch they come from; r of them."""

    id: tuple[int, ...]
    """`Proposals.id` of each: the way back."""
    embedding: Float[Tensor, "r c"]
    """The query's feature."""
    kind: Float[Tensor, "r k"]
    """Probability of each class the detector knows."""
    look: Float[Tensor, "r l"]
    """Probability of each plain colour and material."""
    place: Float[Tensor, "r 11"]
    """Columns as `model.referents` names them: centre and extent in metres, facing, gaps to walls."""
    score: Float[Tensor, "r"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLink:
    """One object that a phrase names."""

    id: int
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A span of the shown text and the objects it names."""

    start: int
    end: int
    """`text[start:end]` is the phrase."""
    objects: tuple[ObjectLink, ...]
    """Most probable first; empty when the model holds that no such object is here."""
    absent_probability: float
    """Calibrated probability that no object of the scan fits the phrase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundedText:
    """An answer: text for people, without markup, and what its phrases stand for."""

    text: str
    phrases: tuple[Phrase, ...] = ()
    """In the order of the text, not overlapping."""
    timings_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One action of a plan, with its objects."""

    i: int
    """From 1."""
    action: str
    """Name of an action of the planning domain, such as `pick_up`."""
    args: dict[str, int]
    """Object id per role, such as `{"object": 4, "place": 7}`."""
    text: str
    phrases: tuple[Phrase, ...] = ()
    target_pose: tuple[float, ...] | None = None
    """x, y, z in metres and a quaternion x, y, z, w, map frame: where a robot may stand. Perception, no safe motion."""
    preconditions: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Why a step cannot be carried out when its turn comes."""

    step: int
    predicate: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Steps towards a goal, checked against a planning domain."""

    text: str
    steps: tuple[PlanStep, ...]
    valid: bool
    violations: tuple[Violation, ...] = ()
    unresolved: tuple[str, ...] = ()
    """Phrases for which the scan shows no object, as questions back to the user."""
    goal: str = ""
    """As a PDDL formula; empty where none could be stated."""
    way: str = "reference"
    """reference: written by the language model; verified: found by a planner; repaired: the one mended by the other."""
    pddl: tuple[str, str] | None = None
    """Domain and problem."""
