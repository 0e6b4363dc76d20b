"""From the truth about a room to what people might say about it."""

from scene3d.synth.language.facts import RoomFacts
from scene3d.synth.language.sample import LanguageSample, Task, Turn
from scene3d.synth.language.speak import families, speak

__all__ = ["LanguageSample", "RoomFacts", "Task", "Turn", "families", "speak"]
