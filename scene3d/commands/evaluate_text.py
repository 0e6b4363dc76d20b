"""`scene3d evaluate …` for language, pictures, video and abstention."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from scene3d.errors import InputError
from scene3d.evaluate import abstention as abstentions
from scene3d.evaluate import qa as answers
from scene3d.evaluate import scan2cap as dense
from scene3d.evaluate.captions import score_captions
from scene3d.evaluate.gcg import (
    GroundedCaptionMetrics,
    read_grounded_caption,
    read_grounded_truths,
    token_overlap,
    transformer_encoder,
)
from scene3d.evaluate.json_input import as_mapping, as_text, read_json
from scene3d.evaluate.masks2d import referring_masks
from scene3d.evaluate.parallel import map_scenes
from scene3d.evaluate.tables import print_table, write_json
from scene3d.evaluate.video import VideoMetrics, score_video, video_names


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """Where the result goes."""

    json: Path | None = None
    """Write the result here as JSON; numbers that are not defined are null."""


_TO_TERMINAL = OutputOptions()
Output = tyro.conf.OmitArgPrefixes[OutputOptions]


def captions(*, pred: Path, gt: Path, meteor: bool = True, out: Output = _TO_TERMINAL) -> None:
    """BLEU, ROUGE-L, CIDEr and METEOR of captions, as the COCO caption evaluation.

    Args:
        pred: JSON object {id: [text]}; an id that is missing scores 0.
        gt: JSON object {id: [text, ...]}.
        meteor: Run METEOR if Java is here; it takes most of the time.
        out: Where the result goes.
    """
    truth = {name: _texts(value, f"{gt}: {name!r}") for name, value in as_mapping(read_json(gt), where=f"{gt}").items()}
    said = {}
    for name, value in as_mapping(read_json(pred), where=f"{pred}").items():
        texts = _texts(value, f"{pred}: {name!r}")
        if len(texts) > 1:
            raise InputError(f"{pred}: {name!r} has {len(texts)} captions; one is scored, keep the best")
        said[name] = texts[0] if texts else ""
    result = score_captions(said, truth, meteor=meteor).as_json()
    print_table(f"captions of {len(truth)}, {len(truth.keys() - said.keys())} missing, × 100", {"": _flat(result)})
    write_json(result, out.json)


def scan2cap(
    *,
    pred: Path,
    gt: Path,
    iou: tuple[float, ...] = (0.25, 0.5),
    official_quirks: bool = False,
    meteor: bool = True,
    out: Output = _TO_TERMINAL,
) -> None:
    """Dense captions of a scan: caption metrics over objects whose box was found.

    Args:
        pred: JSON object {scene_id: [{"caption", "box"}]}, the box as 8 corners or xmin ymin zmin xmax ymax zmax.
        gt: JSON list of ScanRefer records with "bbox" beside "scene_id", "object_id", "object_name" and "token" or
            "description".
        iou: Overlaps above which an object counts as found.
        official_quirks: Assign predicted boxes by nearest centre, the last one wins.
        meteor: Run METEOR if Java is here; it takes most of the time.
        out: Where the result goes.
    """
    if not iou:
        raise InputError("--iou needs at least one threshold, such as --iou 0.25 0.5")
    result = dense.dense_captions(
        dense.read_described_objects(read_json(gt), where=f"{gt}"),
        dense.read_captioned_boxes(read_json(pred), where=f"{pred}"),
        thresholds=iou,
        official_quirks=official_quirks,
        meteor=meteor,
    )
    print_table("dense captions, × 100", {name: _flat(scores) for name, scores in result.items()})
    write_json(result, out.json)


def qa(
    *,
    benchmark: Literal["scanqa", "sqa3d"],
    pred: Path,
    gt: Path,
    questions: Path | None = None,
    official_quirks: bool = False,
    meteor: bool = True,
    out: Output = _TO_TERMINAL,
) -> None:
    """Exact match, refined match and text metrics of answers.

    Args:
        benchmark: Whose annotations `gt` are.
        pred: JSON list of {"question_id", "answer_top10": [text, ...]} or {"question_id", "answer"}, or an object
            {question_id: text}; a question that is missing is wrong.
        gt: ScanQA_v1.0_val.json, or SQA3D's v1_balanced_sqa_annotations_*.json.
        questions: SQA3D's v1_balanced_questions_*.json, for the types of the questions.
        official_quirks: Count an empty answer as a refined match, as LEO's script does.
        meteor: Run METEOR if Java is here; it takes most of the time.
        out: Where the result goes.
    """
    if benchmark == "scanqa":
        truth = answers.read_scanqa(read_json(gt), where=f"{gt}")
    else:
        texts = None if questions is None else read_json(questions)
        truth = answers.read_sqa3d(read_json(gt), texts, where=f"{gt}")
    said = answers.read_answers(read_json(pred), where=f"{pred}")
    by_type = benchmark == "sqa3d"
    result = answers.answer_metrics(truth, said, per_type=by_type, official_quirks=official_quirks, meteor=meteor)
    print_table(f"{benchmark}, {len(truth)} questions, × 100", {"": _flat(result)})
    if by_type:
        print_table(
            "by type of question, %", {k: {m: v[m] for m in ("EM", "EM-R")} for k, v in result["per_type"].items()}
        )
    write_json(result, out.json)


def masks2d(
    *,
    benchmark: Literal["res", "gcg"],
    pred: Path,
    gt: Path,
    captions: Path | None = None,
    text_encoder: Path | None = None,
    official_quirks: bool = False,
    out: Output = _TO_TERMINAL,
) -> None:
    """Masks in pictures: referring segmentation, or captions with masks for their phrases.

    Args:
        benchmark: `res` for referring expressions, `gcg` for grounded conversation generation.
        pred: res: JSON object {id: COCO RLE or null}. gcg: folder of IMAGE_ID.json with {"caption", "phrases",
            "pred_masks": [RLE]}, or one JSON object {image_id: the same}.
        gt: res: JSON object {id: COCO RLE}, with "no_target": true where nothing is meant. gcg: COCO file of masks.
        captions: gcg: COCO file of captions with "labels".
        text_encoder: gcg: folder of a Hugging Face encoder for recall; bert-base-uncased is the official one.
        official_quirks: res: only the flag makes a no-target sample, and accuracies without samples are 0.
        out: Where the result goes.
    """
    if benchmark == "res":
        truths, said = as_mapping(read_json(gt), where=f"{gt}"), as_mapping(read_json(pred), where=f"{pred}")
        result = referring_masks(said, truths, official_quirks=official_quirks)
        print_table(f"referring segmentation, {len(truths)} samples, %", {"": result})
    else:
        if captions is None:
            raise InputError("--benchmark gcg needs --captions, the COCO file of captions beside that of masks")
        result = _grounded_captions(pred, gt, captions, text_encoder)
        print_table(f"grounded captions, recall by {result['text_encoder']}, × 100", {"": _flat(result)})
    write_json(result, out.json)


def video(
    *,
    pred: Path,
    gt: Path,
    skip_ends: bool = False,
    workers: int | None = None,
    official_quirks: bool = False,
    out: Output = _TO_TERMINAL,
) -> None:
    """Region similarity J and boundary accuracy F of tracked objects.

    Args:
        pred: Folder with VIDEO/FRAME.png: 0 background, k object k. A missing frame has nothing segmented.
        gt: The same for the ground truth.
        skip_ends: Leave out the first and the last frame of each video, as the DAVIS challenge does.
        workers: Processes; as many as there are processors unless given.
        official_quirks: Take 1 … highest label of the first frame as objects, refuse other predicted labels.
        out: Where the result goes.
    """
    work = functools.partial(score_video, pred=pred, gt=gt, skip_ends=skip_ends, official_quirks=official_quirks)
    total = VideoMetrics()
    for metrics in map_scenes(work, video_names(pred, gt), workers=workers, title="videos"):
        total.merge(metrics)
    result = total.result()
    rows = {f"{name} {k}": scores for name, objects in result["videos"].items() for k, scores in objects.items()}
    print_table("video objects, %", {**rows, "mean": {key: result[key] for key in ("J", "F", "J&F")}})
    write_json(result, out.json)


def abstention(*, pred: Path, plot: Path | None = None, out: Output = _TO_TERMINAL) -> None:
    """Calibration and risk of confidences: ECE, Brier, risk at coverage, zero-target accuracy.

    Args:
        pred: JSON list of {"id", "probability", "correct"}, optionally "zero_target" and "said_absent".
        plot: Write the reliability diagram and the risk–coverage curve here, such as plot.png.
        out: Where the result goes.
    """
    result = abstentions.read_records(read_json(pred), where=f"{pred}").result()
    shown = ("ece", "brier", "accuracy", "aurc", "zero_target_accuracy")
    print_table(f"abstention, {result['samples']} samples, %", {"": {key: result[key] for key in shown}})
    risks = {
        f"{point['coverage']:.0%}": point["risk"]
        for point in result["risk_coverage"]
        if point["coverage"] * 10 % 1 == 0
    }
    print_table("risk at coverage, %", {"risk": risks})
    if plot is not None:
        from scene3d.evaluate.reliability_plot import save_reliability_plot

        save_reliability_plot(result, plot)
    write_json(result, out.json)


def _grounded_captions(pred: Path, gt: Path, captions: Path, text_encoder: Path | None) -> dict[str, Any]:
    truths = read_grounded_truths(read_json(captions), read_json(gt), where=f"{gt}")
    encoder = token_overlap if text_encoder is None else transformer_encoder(text_encoder)
    metrics = GroundedCaptionMetrics(encoder, "token-overlap" if text_encoder is None else text_encoder.name)
    together = None if pred.is_dir() else as_mapping(read_json(pred), where=f"{pred}")
    for image, truth in truths.items():
        if together is not None:
            record, where = together.get(image), f"{pred}: {image!r}"
        else:
            path = pred / f"{image}.json"
            record, where = (read_json(path) if path.is_file() else None), f"{path}"
        try:
            metrics.add(image, None if record is None else read_grounded_caption(record, where=where), truth)
        except InputError as error:
            raise error if str(error).startswith(where) else InputError(f"{where}: {error}") from error
    return metrics.result()


def _texts(value: Any, where: str) -> list[str]:
    return [as_text(text, where=where) for text in (value if isinstance(value, list) else [value])]


def _flat(scores: Mapping[str, Any]) -> dict[str, float | None]:
    """Scores for a table: BLEU as four columns, texts and nested results left out."""
    row: dict[str, float | None] = {}
    for name, value in scores.items():
        if name == "BLEU":
            row |= {f"BLEU-{n}": score for n, score in enumerate(value, start=1)}
        elif value is None or isinstance(value, float):
            row[name] = value
    return row


COMMANDS: dict[str, Callable[..., None]] = {
    "captions": captions,
    "scan2cap": scan2cap,
    "qa": qa,
    "masks2d": masks2d,
    "video": video,
    "abstention": abstention,
}
"""Name on the command line, below `scene3d evaluate`, → function."""
