"""What the server must not forget, in SQLite: scenes, jobs, dialogues and plans."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS scenes (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, record TEXT NOT NULL, bytes INTEGER NOT NULL, used REAL NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, scene TEXT NOT NULL, status TEXT NOT NULL, detail TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, id TEXT NOT NULL, scene TEXT NOT NULL, record TEXT NOT NULL, used REAL NOT NULL,
    PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS documents_of_scene ON documents (scene);
"""
_KEPT_DOCUMENTS = 10_000


class Database:
    """One connection, used by one thread at a time; every change is on disk when the call returns.

    Args:
        path: Of the database file. A damaged one is moved aside, and `was_damaged` says so.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.was_damaged = False
        self._lock = threading.Lock()
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            self.was_damaged = True
            for part in (path, *(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))):
                if part.exists():
                    part.replace(part.with_name(f"{part.name}.damaged-{int(time.time())}"))
            self._connection = _open(path)

    def close(self) -> None:
        """Write what is left and let go of the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection:
            yield self._connection

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def put_scene(self, scene: str, *, status: str, record: dict[str, Any], size: int) -> None:
        """Add a scene, or replace what is known of it."""
        with self._change() as change:
            change.execute(
                "INSERT INTO scenes VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status, "
                "record = excluded.record, bytes = excluded.bytes, used = excluded.used",
                (scene, status, json.dumps(record), size, time.time()),
            )

    def scene(self, scene: str, *, touch: bool = False) -> dict[str, Any] | None:
        """What is known of a scene, with `id`, `status`, `bytes` and `used`."""
        if touch:
            with self._change() as change:
                change.execute("UPDATE scenes SET used = ? WHERE id = ?", (time.time(), scene))
        rows = self._rows("SELECT id, status, record, bytes, used FROM scenes WHERE id = ?", scene)
        return _scene(rows[0]) if rows else None

    def scenes(self) -> list[dict[str, Any]]:
        """All scenes, least recently used first."""
        return [
            _scene(row) for row in self._rows("SELECT id, status, record, bytes, used FROM scenes ORDER BY used, id")
        ]

    def delete_scene(self, scene: str) -> None:
        """Forget a scene with its jobs, dialogues and plans."""
        with self._change() as change:
            for table, column in (("scenes", "id"), ("jobs", "scene"), ("documents", "scene")):
                change.execute(f"DELETE FROM {table} WHERE {column} = ?", (scene,))

    def put_job(self, job: str, *, scene: str, status: str, detail: str = "") -> None:
        """Add a job, or replace its status."""
        with self._change() as change:
            change.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status, "
                "detail = excluded.detail",
                (job, scene, status, detail, time.time()),
            )

    def job(self, job: str) -> dict[str, Any] | None:
        """A job's `id`, `scene`, `status` and `detail`."""
        rows = self._rows("SELECT id, scene, status, detail FROM jobs WHERE id = ?", job)
        return dict(zip(("id", "scene", "status", "detail"), rows[0], strict=True)) if rows else None

    def job_of(self, scene: str) -> str:
        """The latest job of a scene; empty where it has none."""
        rows = self._rows("SELECT id FROM jobs WHERE scene = ? ORDER BY created DESC LIMIT 1", scene)
        return rows[0][0] if rows else ""

    def open_jobs(self) -> list[tuple[str, str]]:
        """Ids and scenes of jobs that are not done, oldest first."""
        found = self._rows("SELECT id, scene FROM jobs WHERE status IN ('queued', 'running') ORDER BY created, id")
        return [(job, scene) for job, scene in found]

    def put_document(self, kind: str, document: str, *, scene: str, record: dict[str, Any]) -> None:
        """Keep a dialogue or a plan; the least recently used go beyond ten thousand of a kind."""
        with self._change() as change:
            change.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
                (kind, document, scene, json.dumps(record), time.time()),
            )
            change.execute(
                "DELETE FROM documents WHERE kind = ? AND id IN (SELECT id FROM documents WHERE kind = ? "
                "ORDER BY used DESC LIMIT -1 OFFSET ?)",
                (kind, kind, _KEPT_DOCUMENTS),
            )

    def document(self, kind: str, document: str) -> tuple[str, dict[str, Any]] | None:
        """The scene and the content of a dialogue or a plan."""
        rows = self._rows("SELECT scene, record FROM documents WHERE kind = ? AND id = ?", kind, document)
        return (rows[0][0], json.loads(rows[0][1])) if rows else None

    def delete_document(self, kind: str, document: str) -> bool:
        """Forget a dialogue or a plan; whether there was one."""
        with self._change() as change:
            return change.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, document)).rowcount > 0


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError(f"{path} is damaged")
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _scene(row: tuple[Any, ...]) -> dict[str, Any]:
    return json.loads(row[2]) | {"id": row[0], "status": row[1], "bytes": row[3], "used": row[4]}
