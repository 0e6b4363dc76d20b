"""The composition root: a model folder becomes a Grounder, a scene becomes a session that answers many times."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelHubMixin, snapshot_download
from jaxtyping import Float
from torch import Tensor, nn

from scene3d import resources
from scene3d.config import from_mapping, to_mapping
from scene3d.errors import InputError
from scene3d.geometry import over_segment, with_normals
from scene3d.model import weights
from scene3d.model.alignment import AlignmentHead
from scene3d.model.detector import Detector, DetectorConfig
from scene3d.model.encoding import content_key, encoding_of, load_encoding, save_encoding
from scene3d.model.language import LanguageConfig, LanguageModel
from scene3d.model.language_files import load_language
from scene3d.model.llama_int8 import quantize
from scene3d.model.llama_lora import merge_lora
from scene3d.model.naming import Naming, NamingConfig
from scene3d.model.proposals import ReadingRules, propose
from scene3d.model.readings import Readings, ReadingsConfig
from scene3d.model.recognition import Recognition, RecognitionConfig
from scene3d.model.relations import RelationScorer, ScorerConfig
from scene3d.model.scan import thin
from scene3d.model.session import Session
from scene3d.model.text import DEFAULT as DEFAULT_TEXT_ENCODER
from scene3d.types import Scene

CONFIG = "config.json"
RECOGNITION_WEIGHTS, ALIGNMENT_WEIGHTS, READINGS_WEIGHTS, NAMING_WEIGHTS, SCORER_WEIGHTS, LANGUAGE_WEIGHTS = (
    f"{part}.safetensors" for part in ("recognition", "alignment", "readings", "naming", "relations", "language")
)


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
    align_names: float = 0.0
    """Weight of the chance that phrase and proposal are of one class, which the scorer tells, as a logarithm beside the
    alignment head's logit; 0, or no scorer: the head alone."""
    rules: ReadingRules = field(default_factory=ReadingRules)
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    readings: ReadingsConfig = field(default_factory=ReadingsConfig)
    naming: NamingConfig = field(default_factory=NamingConfig)
    scorer: ScorerConfig = field(default_factory=ScorerConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    target_scale: float = 1.0
    target_shift: float = 0.0
    absent_scale: float = 1.0
    absent_shift: float = 0.0
    link_scale: float = 1.0
    link_shift: float = 0.0
    link_threshold: float = 0.5
    """A phrase names the objects that are at least this probable."""


class Grounder(nn.Module, ModelHubMixin):
    """Everything that answers about scenes; `encode` a scene once, then ask many times.

    Args:
        detector: In evaluation mode.
        detector_config: Its sizes and class names.
        alignment: Phrases to proposals; None for a model that only segments.
        config: Calibration, reading rules, sizes of the language parts.
        scorer: Sentences to proposals; None where it is not trained yet.
        readings: Kinds of rooms and of questions; without them notes begin with no finding.
        naming: Tells which words name what; without it the scorer reads that from the whole sentence.
        recognition: Looks at each object once more, closer; without it an object is what the detector takes it for,
            and of that colour and material.
    """

    def __init__(
        self,
        detector: Detector,
        detector_config: DetectorConfig,
        alignment: AlignmentHead | None = None,
        config: GrounderConfig | None = None,
        scorer: RelationScorer | None = None,
        readings: Readings | None = None,
        naming: Naming | None = None,
        recognition: Recognition | None = None,
    ) -> None:
        super().__init__()
        self.detector = detector
        self.detector_config = detector_config
        self.alignment = alignment
        self.config = config or GrounderConfig()
        self.scorer = scorer
        self.readings = readings
        self.naming = naming
        self.recognition = recognition
        self.language_weights: Path | None = None
        self._language: LanguageModel | None = None
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
        readings = None
        if (folder / READINGS_WEIGHTS).is_file():
            readings = Readings(config.readings)
            weights.load_tensors(folder / READINGS_WEIGHTS, readings)
        naming = None
        if (folder / NAMING_WEIGHTS).is_file():
            naming = Naming(config.naming)
            weights.load_tensors(folder / NAMING_WEIGHTS, naming)
        scorer = None
        if (folder / SCORER_WEIGHTS).is_file():
            scorer = RelationScorer(config.scorer)
            weights.load_tensors(folder / SCORER_WEIGHTS, scorer)
        recognition = None
        if (folder / RECOGNITION_WEIGHTS).is_file():
            recognition = Recognition(config.recognition, len(detector_config.classes))
            weights.load_tensors(folder / RECOGNITION_WEIGHTS, recognition)
        grounder = cls(detector, detector_config, alignment, config, scorer, readings, naming, recognition)
        if (folder / LANGUAGE_WEIGHTS).is_file():
            grounder.language_weights = folder / LANGUAGE_WEIGHTS
        return grounder

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write all that `from_pretrained` reads. `ModelHubMixin` calls this from `save_pretrained`."""
        weights.save_detector(save_directory, self.detector.state_dict(), self.detector_config)
        (save_directory / CONFIG).write_text(json.dumps(to_mapping(self.config), indent=1) + "\n", encoding="utf-8")
        if self.alignment is not None:
            weights.save_tensors(save_directory / ALIGNMENT_WEIGHTS, self.alignment.state_dict(), half=True)
        if self.readings is not None:
            weights.save_tensors(save_directory / READINGS_WEIGHTS, self.readings.state_dict(), half=True)
        if self.naming is not None:
            weights.save_tensors(save_directory / NAMING_WEIGHTS, self.naming.state_dict(), half=True)
        if self.recognition is not None:
            state = self.recognition.state_dict()
            weights.save_tensors(save_directory / RECOGNITION_WEIGHTS, state, half=True)
        if self.scorer is not None:
            weights.save_tensors(save_directory / SCORER_WEIGHTS, self.scorer.state_dict(), half=True)
        target = save_directory / LANGUAGE_WEIGHTS
        if self.language_weights is not None and self.language_weights.resolve() != target.resolve():
            shutil.copyfile(self.language_weights, target)

    @property
    def language(self) -> LanguageModel:
        """The language model, adapters merged, weights in int8, opened when it is first needed.

        Raises:
            InputError: This model has none.
            MissingDependencyError: The package that carries the base model is not installed.
        """
        if self._language is None:
            if self.language_weights is None:
                raise InputError("this model has no language part; train one with `scene3d train instruct`")
            language = load_language(self.language_weights, self.config.language).eval()
            merge_lora(language.llama)
            quantize(language.llama)
            self._language = language
        return self._language

    def detector_key(self) -> str:
        """Names the detector's numbers and settings; part of the name of what is kept of training rooms."""
        return _key((self.detector_config, self.config.rules), self.detector)

    def model_key(self) -> str:
        """Names all that an encoding depends on; part of the name of every kept one."""
        if self.recognition is None:
            return self.detector_key()
        return _key((self.detector_key(), self.config.recognition), self.recognition)

    def phrase_logit(
        self, query: Float[Tensor, "q d"], kind: Float[Tensor, "q k"], text: Float[Tensor, "t c"]
    ) -> Float[Tensor, "q t"]:
        """How well phrases name objects, before calibration; see `GrounderConfig.align_names`.

        Args:
            query: Objects in the space of the alignment head, of a model that has one.
            kind: Probabilities of their classes.
            text: Phrases, as the text encoder has them.
        """
        assert self.alignment is not None
        logit = self.alignment.logits(query, self.alignment.embed_text(text))
        if self.config.align_names and self.scorer is not None:
            logit = logit + self.config.align_names * self.scorer.of_class(text, kind).clamp_min(1e-4).log().T
        return logit

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
        assert scene.normal is not None
        encoding = encoding_of(scene.superpoint, scene.normal, found)
        if self.recognition is not None:
            recognition, plain = self.recognition, encoding
            point_m = recognition.config.point_m
            encoding = _timed(times, "recognition", lambda: recognition.told(thin(scene, point_m=point_m), plain))
        if cache:
            save_encoding(path, encoding)
        return Session(self, scene, encoding, times)


def _folder_of(name: str, options: dict[str, Any]) -> Path:
    if Path(name).is_dir():
        return Path(name)
    if "/" not in name:
        return resources.weights(name)
    try:
        return Path(snapshot_download(name, **options))
    except Exception as error:  # the hub client raises network, HTTP and its own kinds
        raise InputError(f"model {name!r} is neither a folder nor to be had from the Hub ({error})") from error


def _key(settings: object, part: nn.Module) -> str:
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=16)
    for name, value in sorted(part.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _timed(times: dict[str, float], stage: str, work: Any) -> Any:
    started = time.perf_counter()
    done = work()
    times[stage] = time.perf_counter() - started
    return done
