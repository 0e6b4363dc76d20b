"""What clients send, and what they get, as OpenAPI describes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ObjectId = Annotated[int, Field(ge=0, le=1_000_000)]
Text = Annotated[str, Field(min_length=1, max_length=8_000)]
Matrix = Annotated[list[Annotated[list[float], Field(min_length=4, max_length=4)]], Field(min_length=4, max_length=4)]


class Body(BaseModel):
    """A request; an unknown member is an error, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Ask(Body):
    """A question."""

    question: Text
    select: list[ObjectId] = Field(default=[], max_length=100, description="objects that `<ref>` stands for, in order")
    stream: bool = Field(default=False, description="answer as Server-Sent Events")


class Ground(Body):
    """A description."""

    text: Text
    select: list[ObjectId] = Field(default=[], max_length=100)


class Detect(Body):
    """A phrase."""

    text: Text
    threshold: float = Field(default=0.5, ge=0, le=1)


class Caption(Body):
    """What to describe; the whole scene without an object."""

    object: ObjectId | None = None
    stream: bool = False


class Robot(Body):
    """The robot that is planned for, metres."""

    radius_m: float = Field(default=0.25, gt=0, lt=10)
    hands: Literal[1, 2] = 1
    height_m: float = Field(default=1.5, gt=0, lt=10)
    reach_m: float = Field(default=0.9, gt=0, lt=10)
    highest_m: float = Field(default=1.9, gt=0, lt=10)


class PlanRequest(Body):
    """What is to be done."""

    request: str = Field(default="", max_length=8_000)
    goal: str | None = Field(default=None, max_length=8_000, description="PDDL, or facts such as `on(3, 1)`")
    way: Literal["auto", "reference", "verified"] = "auto"
    observed: list[Text] = Field(default=[], max_length=1_000, description="facts such as `opened(4)`")
    robot: Robot = Robot()


class Step(Body):
    """One step."""

    action: Annotated[str, Field(min_length=1, max_length=100)]
    args: dict[str, ObjectId] = Field(default={}, max_length=20)
    text: str = Field(default="", max_length=1_000)


class Validate(Body):
    """Steps to be checked."""

    scene: Annotated[str, Field(max_length=64)]
    steps: list[Step] = Field(max_length=200)
    observed: list[Text] = Field(default=[], max_length=1_000)
    robot: Robot = Robot()


class Replan(Body):
    """Where a plan failed, and what is seen now."""

    failed_step: int = Field(ge=1, le=10_000)
    observed: list[Text] = Field(default=[], max_length=1_000)


class Message(BaseModel):
    """A message of an OpenAI chat; parts other than text are refused."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(max_length=8_000)] | list[dict[str, Any]]


class SceneChoice(Body):
    """Which scene a chat is about."""

    scene: Annotated[str, Field(max_length=64)]
    select: list[ObjectId] = Field(default=[], max_length=100)


class ChatCompletion(BaseModel):
    """OpenAI's chat completion, with `scene3d`; settings that make no difference here are accepted and ignored."""

    model: str = Field(default="scene3d", max_length=200)
    messages: list[Message] = Field(min_length=1, max_length=200)
    stream: bool = False
    scene3d: SceneChoice


class LinkedObject(BaseModel):
    """An object that a phrase names."""

    id: int
    label: str
    probability: float
    box: list[float] = Field(description="minimum, then maximum, in the file's frame")


class LinkedPhrase(BaseModel):
    """A span of the text and what it names."""

    start: int
    end: int
    text: str
    objects: list[LinkedObject]
    absent_probability: float


class Answer(BaseModel):
    """Schema `scene3d/answer/1`."""

    model_config = ConfigDict(populate_by_name=True)
    schema_: str = Field(alias="schema")
    text: str
    phrases: list[LinkedPhrase]
    timings_ms: dict[str, float]


class Job(BaseModel):
    """A scan that is being encoded."""

    job: str
    scene: str
    status: Literal["queued", "running", "ready", "failed"]
    detail: str = ""


class SceneInfo(BaseModel):
    """What is known of a scene."""

    id: str
    name: str
    status: Literal["queued", "ready", "failed"]
    detail: str = ""
    points: int | None = None
    objects: int | None = None
    notes: list[dict[str, str]] = []
    T_map_scene: Matrix | None = None
    bytes: int


class ProblemBody(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
