"""Every metric of the field: pure functions, official numbers, official file formats."""

from scene3d.evaluate.abstention import AbstentionMetrics
from scene3d.evaluate.boxes import BoxAP, box_iou
from scene3d.evaluate.captions import CaptionMetrics, CaptionScores, score_captions
from scene3d.evaluate.gcg import GroundedCaption, GroundedCaptionMetrics, GroundedTruth
from scene3d.evaluate.grounding import GroundingScore, mask_iou
from scene3d.evaluate.instance import InstanceAP, InstancePrediction
from scene3d.evaluate.masks import MaskList
from scene3d.evaluate.masks2d import ReferringMasks, referring_masks
from scene3d.evaluate.qa import AnswerMetrics, Question, answer_metrics
from scene3d.evaluate.scan2cap import CaptionedBox, DenseCaptionMetrics, DescribedObject, dense_captions
from scene3d.evaluate.semantic import SemanticIoU
from scene3d.evaluate.tokens import tokenize
from scene3d.evaluate.video import VideoMetrics

__all__ = [
    "AbstentionMetrics",
    "AnswerMetrics",
    "BoxAP",
    "CaptionMetrics",
    "CaptionScores",
    "CaptionedBox",
    "DenseCaptionMetrics",
    "DescribedObject",
    "GroundedCaption",
    "GroundedCaptionMetrics",
    "GroundedTruth",
    "GroundingScore",
    "InstanceAP",
    "InstancePrediction",
    "MaskList",
    "Question",
    "ReferringMasks",
    "SemanticIoU",
    "VideoMetrics",
    "answer_metrics",
    "box_iou",
    "dense_captions",
    "mask_iou",
    "referring_masks",
    "score_captions",
    "tokenize",
]
