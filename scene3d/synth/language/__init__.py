"""From the truth about a room to what people might say about it."""

from scene3d.synth.language.facts import RoomFacts
from scene3d.synth.language.plans import ACTIVITIES_FILE, Activity, load_activities
from scene3d.synth.language.sample import LanguageSample, Task, Turn
from scene3d.synth.language.speak import families, speak

__all__ = [
    "ACTIVITIES_FILE",
    "Activity",
    "LanguageSample",
    "RoomFacts",
    "Task",
    "Turn",
    "families",
    "load_activities",
    "speak",
]
