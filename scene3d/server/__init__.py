"""The HTTP API: scans in, linked answers and checked plans out."""

from scene3d.server.app import create_app
from scene3d.server.config import ServerConfig

__all__ = ["ServerConfig", "create_app"]
