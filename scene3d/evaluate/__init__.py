"""Every metric of the field: pure functions, official numbers, official file formats."""

from scene3d.evaluate.boxes import BoxAP, box_iou
from scene3d.evaluate.grounding import GroundingScore, mask_iou
from scene3d.evaluate.instance import InstanceAP, InstancePrediction
from scene3d.evaluate.masks import MaskList
from scene3d.evaluate.semantic import SemanticIoU

__all__ = [
    "BoxAP",
    "GroundingScore",
    "InstanceAP",
    "InstancePrediction",
    "MaskList",
    "SemanticIoU",
    "box_iou",
    "mask_iou",
]
