"""What a server allows, and whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from scene3d.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Settings of `scene3d serve`; sizes in bytes, times in seconds."""

    data: Path = Path("scene3d-data")
    """Where scenes and the database are kept."""
    model: str = "default"
    host: str = "127.0.0.1"
    port: int = 8000
    token: str = field(default="", repr=False)
    """What clients send as `Authorization: Bearer …`; required unless the server listens on loopback only."""
    roots: tuple[Path, ...] = ()
    """Folders below which clients may name scans by path; none by default."""
    cors_origins: tuple[str, ...] = ()
    """Web pages that may call the server; none by default."""
    max_upload: int = 2 << 30
    max_body: int = 1 << 20
    """Of any request but an upload."""
    max_points: int = 2_000_000
    """A larger scan is merged to at most this many points."""
    max_text: int = 8_000
    """Characters of a question."""
    max_scenes: int = 1_000
    max_store: int = 50 << 30
    """The least recently used scenes are dropped beyond either."""
    max_jobs: int = 16
    """Scans that wait to be encoded; more are refused with 429."""
    max_waiting: int = 64
    """Questions that wait for the model; more are refused with 429."""
    max_batch: int = 16
    """Questions to one scene that are answered together."""
    open_scenes: int = 4
    """Encoded scenes kept in memory."""
    encode_timeout: float = 300.0
    answer_timeout: float = 60.0
    worker_memory: int = 8 << 30
    """Of the process that reads and encodes scans."""

    def __post_init__(self) -> None:
        if not self.token and not is_loopback(self.host):
            raise ConfigError(
                f"host {self.host} is reachable from other machines: set SCENE3D_TOKEN, or listen on 127.0.0.1"
            )
        if self.token and len(self.token) < 16:
            raise ConfigError("the token is shorter than 16 characters; make one with `openssl rand -hex 24`")
        for name in ("max_upload", "max_body", "max_points", "max_scenes", "max_jobs", "max_waiting", "max_batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: at least 1 is needed")


def is_loopback(host: str) -> bool:
    """Whether a host name or address can be reached from this machine only."""
    if host in ("localhost", ""):
        return host == "localhost"
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
