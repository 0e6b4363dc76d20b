"""The composition root: a model folder becomes a Grounder, a scene becomes a session that answers many times."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelHubMixin, snapshot_download
from torch import Tensor, nn

from scene3d import resources
from scene3d.config import from_mapping, to_mapping
from scene3d.errors import InputError
from scene3d.geometry import over_segment, with_normals
from scene3d.model import weights
from scene3d.model.alignment import AlignmentHead
from scene3d.model.detector import Detector, DetectorConfig
from scene3d.model.encoding import Encoding, content_key, load_encoding, save_encoding
from scene3d.model.proposals import ReadingRules, propose
from scene3d.model.scan import thin
from scene3d.model.text import DEFAULT as DEFAULT_TEXT_ENCODER
from scene3d.model.text import text_encoder
from scene3d.types import Proposals, Scene

CONFIG, ALIGNMENT_WEIGHTS = "config.json", "alignment.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrounderConfig:
    """What a model folder says beside its tensors."""

    text_encoder: str = DEFAULT_TEXT_ENCODER
    text_width: int = 384
    alignment_width: int = 128
    score_scale: float = 1.0
    score_shift: float = 0.0
    """Calibrated score = sigmoid(scale · logit(score) + shift), fitted on held-out rooms."""
    align_scale: float = 1.0
    align_shift: float = 0.0
    """The same for the probability that a phrase names a proposal."""
    rules: ReadingRules = field(default_factory=ReadingRules)


class Grounder(nn.Module, ModelHubMixin):
    """Detector and alignment head; `encode` a scene once, then ask many times.

    Args:
        detector: In evaluation mode.
        detector_config: Its sizes and class names.
        alignment: Phrases to proposals; None for a model that only segments.
        config: Calibration and reading rules.
    """

    def __init__(
        self,
        detector: Detector,
        detector_config: DetectorConfig,
        alignment: AlignmentHead | None = None,
        config: GrounderConfig | None = None,
    ) -> None:
        super().__init__()
        self.detector = detector
        self.detector_config = detector_config
        self.alignment = alignment
        self.config = config or GrounderConfig()
        self.eval()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path = "default", **options: Any) -> Grounder:
        """Open a model.

        Args:
            pretrained_model_name_or_path: A shipped model, a folder, or a Hugging Face id.
            options: For an id: `revision`, `token`, `cache_dir`, `force_download`, `local_files_only`.

        Raises:
            InputError: There is no such model, or its files are damaged.
        """
        return super().from_pretrained(_folder_of(str(pretrained_model_name_or_path), options))  # type: ignore[return-value]

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **_: Any) -> Grounder:
        """Read the model folder `model_id`. `ModelHubMixin` calls this."""
        folder = Path(model_id)
        detector, detector_config = weights.load_detector(folder)
        config = GrounderConfig()
        if (folder / CONFIG).is_file():
            config = from_mapping(GrounderConfig, json.loads((folder / CONFIG).read_text()), where=str(folder / CONFIG))
        alignment = None
        if (folder / ALIGNMENT_WEIGHTS).is_file():
            alignment = AlignmentHead(detector_config.width, text_width=config.text_width, width=config.alignment_width)
            weights.load_tensors(folder / ALIGNMENT_WEIGHTS, alignment)
        return cls(detector, detector_config, alignment, config)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write all that `from_pretrained` reads. `ModelHubMixin` calls this from `save_pretrained`."""
        weights.save_detector(save_directory, self.detector, self.detector_config)
        (save_directory / CONFIG).write_text(json.dumps(to_mapping(self.config), indent=1) + "\n", encoding="utf-8")
        if self.alignment is not None:
            weights.save_tensors(save_directory / ALIGNMENT_WEIGHTS, self.alignment, half=True)

    def model_key(self) -> str:
        """Names the detector's numbers and settings; part of the name of every kept encoding."""
        digest = hashlib.blake2b(repr((self.detector_config, self.config.rules)).encode(), digest_size=16)
        for name, value in sorted(self.detector.state_dict().items()):
            digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def encode(self, scene: Scene, *, cache: bool = True) -> Session:
        """Find the objects of a scene. No text is involved.

        Args:
            scene: From `load_scene`; normals and superpoints are computed where the file had none.
            cache: Keep the encoding on disk, under `resources.cache_dir()`, and take it from there when it is known.

        Raises:
            InputError: The scene has no points.
        """
        if not len(scene.xyz_m):
            raise InputError(f"{scene.name}: the scene has no points; there is nothing to find")
        times: dict[str, float] = {}
        path = resources.cache_dir() / "encodings" / f"{content_key(scene, self.model_key())}.safetensors"
        encoding = load_encoding(path) if cache else None
        if encoding is not None:
            return Session(self, replace(scene, superpoint=encoding.superpoint), encoding, {"cached": 0.0})
        if scene.normal is None:
            scene = _timed(times, "normals", lambda: with_normals(scene))
        if scene.superpoint is None:
            scene = _timed(times, "superpoints", lambda: over_segment(scene))
        scan = _timed(times, "thinning", lambda: thin(scene, point_m=self.detector_config.point_m))
        elements = _timed(times, "backbone", lambda: self.detector.encode([scan])[0])
        found = _timed(times, "decoder", lambda: propose(self.detector, elements, self.config.rules))
        assert scene.superpoint is not None
        encoding = Encoding(
            superpoint=scene.superpoint,
            mask=found.mask,
            score=found.score,
            feature=found.feature,
            class_logit=found.reading.class_logit,
            facing=found.reading.facing,
            facing_logit=found.reading.facing_logit,
            colour_logit=found.reading.colour_logit,
            material_logit=found.reading.material_logit,
        )
        if cache:
            save_encoding(path, encoding)
        return Session(self, scene, encoding, times)


class Session:
    """One encoded scene. Object ids are the rows of `segment()`, and stay what they are for the session's life."""

    def __init__(self, grounder: Grounder, scene: Scene, encoding: Encoding, times_s: dict[str, float]) -> None:
        self.grounder = grounder
        self.scene = scene
        self.encoding = encoding
        self.times_s = times_s
        """Seconds per stage of the encoding; a single entry `cached` where it came from disk."""
        self._proposals = _proposals(grounder, scene, encoding)

    def segment(self) -> Proposals:
        """All objects, best first."""
        return self._proposals

    def detect(self, text: str, *, threshold: float = 0.5) -> Proposals:
        """The objects that a phrase names, most probable first; `score` is the probability that it names them.

        Raises:
            InputError: The text is empty, or the model has no alignment head.
        """
        probability = self.match([text])[:, 0]
        order = torch.argsort(probability, descending=True, stable=True)
        return take(self._proposals, order[probability[order] >= threshold], score=probability)

    def match(self, phrases: list[str]) -> Tensor:
        """Probability per object and phrase `(q, t)`, each for itself.

        Raises:
            InputError: A phrase is empty, or the model has no alignment head.
        """
        if not phrases or not all(phrase.strip() for phrase in phrases):
            raise InputError(f"{phrases!r}: say what to look for, such as 'chairs'")
        head, config = self.grounder.alignment, self.grounder.config
        if head is None:
            raise InputError("this model has no alignment head; train one with `scene3d train alignment`")
        with torch.no_grad():
            text = head.embed_text(text_encoder(config.text_encoder).encode(phrases))
            logit = head.logits(self._proposals.embedding, text)
            return (config.align_scale * logit + config.align_shift).sigmoid()


def take(proposals: Proposals, index: Tensor, *, score: Tensor | None = None) -> Proposals:
    """The rows `index` of proposals, with other scores if given (before the choice of rows)."""
    rows = index.tolist()
    return Proposals(
        mask=proposals.mask[index],
        embedding=proposals.embedding[index],
        box=proposals.box[index],
        rgb=None if proposals.rgb is None else proposals.rgb[index],
        facing_rad=None if proposals.facing_rad is None else proposals.facing_rad[index],
        facing_confidence=None if proposals.facing_confidence is None else proposals.facing_confidence[index],
        id=tuple(proposals.id[i] for i in rows),
        score=(proposals.score if score is None else score)[index],
        label=None if proposals.label is None else tuple(proposals.label[i] for i in rows),
    )


def _proposals(grounder: Grounder, scene: Scene, encoding: Encoding) -> Proposals:
    """Carry an encoding from superpoints to the scene's points."""
    config, classes = grounder.config, grounder.detector_config.classes
    mask = encoding.mask[:, encoding.superpoint]
    inside = mask.float()
    count = inside.sum(1, keepdim=True)
    rgb = None if scene.rgb is None else inside @ (scene.rgb.float() / 255) / count
    xyz_m = [scene.xyz_m[row] for row in mask]
    box = torch.stack([torch.cat([p.amin(0), p.amax(0)]) for p in xyz_m]) if xyz_m else torch.zeros(0, 6)
    best = encoding.class_logit[:, :-1].argmax(1).tolist()
    head = grounder.alignment
    with torch.no_grad():
        embedding = encoding.feature if head is None else head.embed_queries(encoding.feature)
    return Proposals(
        id=tuple(range(len(mask))),
        mask=mask,
        score=(config.score_scale * encoding.score.logit(1e-6) + config.score_shift).sigmoid(),
        embedding=embedding,
        box=box,
        label=tuple(classes[i] for i in best),
        rgb=rgb,
        facing_rad=torch.atan2(encoding.facing[:, 1], encoding.facing[:, 0]),
        facing_confidence=encoding.facing_logit.sigmoid(),
    )


def _folder_of(name: str, options: dict[str, Any]) -> Path:
    if Path(name).is_dir():
        return Path(name)
    if "/" not in name:
        return resources.weights(name)
    try:
        return Path(snapshot_download(name, **options))
    except Exception as error:  # the hub client raises network, HTTP and its own kinds
        raise InputError(f"model {name!r} is neither a folder nor to be had from the Hub ({error})") from error


def _timed(times: dict[str, float], stage: str, work: Any) -> Any:
    started = time.perf_counter()
    done = work()
    times[stage] = time.perf_counter() - started
    return done
