"""Every metric of the field: pure functions, official numbers, official file formats."""

from scene3d.evaluate.instance import InstanceAP, InstancePrediction

__all__ = [
    "InstanceAP",
    "InstancePrediction",
]
