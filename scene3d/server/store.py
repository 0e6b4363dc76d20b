"""The content-addressed store of scenes: a folder per scene, named by what was uploaded; whole or not there at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from scene3d.errors import InputError
from scene3d.io.load import READERS
from scene3d.server.database import Database
from scene3d.server.problems import Problem

RECORD, SCENE = "record.json", "scene.safetensors"
_CHUNK = 1 << 20
_ENDINGS = (*READERS, ".sens")


class Store:
    """Uploads and what was read from them.

    Args:
        folder: Where scenes are kept, one folder each.
        database: Knows the scenes; put right by what the folder holds.
        max_scenes: Beyond, the least recently used are dropped.
        max_bytes: The same, for their size together.
    """

    def __init__(self, folder: Path, database: Database, *, max_scenes: int, max_bytes: int) -> None:
        self.folder, self.database = folder, database
        self.max_scenes, self.max_bytes = max_scenes, max_bytes
        self._settling = threading.Lock()
        self._incoming = folder / ".incoming"
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(parents=True)
        self._recover()

    def path(self, scene: str) -> Path:
        """Folder of a scene."""
        return self.folder / scene

    def scan(self, scene: str) -> Path:
        """The file or folder to be read for a scene."""
        record = self.database.scene(scene)
        if record is None:
            raise Problem(404, f"there is no scene {scene!r}; it may have been dropped, upload it again")
        return Path(record["path"]) if record.get("path") else self.path(scene) / f"scan{record['ending']}"

    def accept(self, source: BinaryIO, *, name: str, options: dict[str, Any], max_bytes: int) -> tuple[str, bool]:
        """Take an upload; when this returns it survives a crash.

        Args:
            source: The bytes.
            name: Of the file; only its ending counts, the rest is for people.
            options: How to read it; equal bytes with other options are another scene.
            max_bytes: Refuse a larger file.

        Returns:
            The scene's id, and whether it is new.

        Raises:
            Problem: 413, or 415 for an ending that no reader knows.
        """
        ending = Path(name).suffix.lower()
        if ending not in _ENDINGS:
            raise Problem(415, f"the ending {ending!r:.20} is not read; name the file with one of {' '.join(_ENDINGS)}")
        partial = self._incoming / uuid.uuid4().hex
        partial.mkdir()
        try:
            digest, size = _copy(source, partial / f"scan{ending}", max_bytes=max_bytes)
            if size == 0:
                raise Problem(422, f"{Path(name).name!r:.100}: the file is empty; export the scan again")
            scene = _scene_id(digest, ending, options)
            record = {"name": Path(name).name[:200], "ending": ending, "options": options}
            return scene, self._settle(partial, scene, record, size)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def refer(self, path: Path, *, options: dict[str, Any]) -> tuple[str, bool]:
        """Take a scan by its path on the server; the file stays where it is."""
        stamp = f"{path}:{path.stat().st_mtime_ns}:{path.stat().st_size}".encode()
        scene = _scene_id(hashlib.sha256(stamp).hexdigest(), "", options)
        partial = self._incoming / uuid.uuid4().hex
        partial.mkdir()
        try:
            return scene, self._settle(partial, scene, {"name": path.name, "path": str(path), "options": options}, 0)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def delete(self, scene: str) -> None:
        """Drop a scene: first from the database, so that it is never half there."""
        self.database.delete_scene(scene)
        gone = self._incoming / uuid.uuid4().hex
        if self.path(scene).is_dir():
            self.path(scene).replace(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def size(self, scene: str) -> int:
        """Bytes that a scene takes."""
        return sum(path.stat().st_size for path in self.path(scene).rglob("*") if path.is_file())

    def _settle(self, partial: Path, scene: str, record: dict[str, Any], size: int) -> bool:
        """Move a whole folder into place, then tell the database; whether the scene is new."""
        with self._settling:
            if self.database.scene(scene) is not None and self.path(scene).is_dir():
                return False
            self._make_room(size)
            _write_durably(partial / RECORD, json.dumps(record).encode())
            if self.path(scene).exists():  # left over from a crash between the move and the database
                shutil.rmtree(self.path(scene))
            partial.replace(self.path(scene))
            _sync_folder(self.folder)
            self.database.put_scene(scene, status="queued", record=record, size=size)
            return True

    def _make_room(self, size: int) -> None:
        if size > self.max_bytes:
            raise Problem(413, f"the scan has {size:,} bytes, the store holds {self.max_bytes:,} at most")
        scenes = self.database.scenes()
        total = sum(scene["bytes"] for scene in scenes)
        for scene in scenes:
            if len(scenes) < self.max_scenes and total + size <= self.max_bytes:
                break
            if scene["status"] in ("ready", "failed"):
                self.delete(scene["id"])
                total -= scene["bytes"]
                scenes = [other for other in scenes if other["id"] != scene["id"]]
        if len(scenes) >= self.max_scenes or total + size > self.max_bytes:
            raise Problem(
                507, "the store is full of scans that are still being read; try again later", retry_after_s=30
            )

    def _recover(self) -> None:
        """After a crash: folders are the truth. The database is told what is new to it, and forgets what is gone."""
        known = {scene["id"] for scene in self.database.scenes()}
        for scene, record in self._folders():
            if scene not in known:
                status = "ready" if (self.path(scene) / SCENE).is_file() else "queued"
                self.database.put_scene(scene, status=status, record=record, size=self.size(scene))
            known.discard(scene)
        for scene in known:
            self.database.delete_scene(scene)

    def _folders(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for folder in sorted(self.folder.iterdir()):
            if folder.is_dir() and not folder.name.startswith("."):
                try:
                    yield folder.name, json.loads((folder / RECORD).read_text(encoding="utf-8"))
                except (OSError, ValueError):
                    shutil.rmtree(folder, ignore_errors=True)


def below_roots(path: str, roots: tuple[Path, ...]) -> Path:
    """A path that a client names, links followed, if it lies below an allowed root.

    Raises:
        Problem: 403 otherwise, whether or not there is such a file.
        InputError: It is allowed and not there.
    """
    wanted = Path(path)
    try:
        resolved = wanted.resolve() if wanted.is_absolute() else None
    except (OSError, ValueError, RuntimeError):
        resolved = None
    if resolved is None or not any(resolved.is_relative_to(root.resolve()) for root in roots):
        raise Problem(403, "this path is not below a folder that the server may read; upload the file")
    if not resolved.exists():
        raise InputError(f"{path}: does not exist; check the path")
    return resolved


def _scene_id(digest: str, ending: str, options: dict[str, Any]) -> str:
    reading = {key: options.get(key) for key in ("up_axis", "unit")}
    text = f"{digest}:{ending}:{json.dumps(reading, sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _copy(source: BinaryIO, target: Path, *, max_bytes: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                raise Problem(413, f"the scan has more than {max_bytes:,} bytes; thin it out")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
