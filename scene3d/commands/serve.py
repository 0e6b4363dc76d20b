"""`scene3d serve` and `scene3d mcp`: scenes over HTTP, and as tools of an assistant."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from scene3d.errors import MissingDependencyError


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    data: Path = Path("scene3d-data"),
    model: str = "default",
    roots: tuple[Path, ...] = (),
    cors_origins: tuple[str, ...] = (),
    max_upload_mb: int = 2048,
    max_store_gb: int = 50,
    max_scenes: int = 1000,
) -> None:
    """Serve scenes over HTTP; the API is described at /docs.

    The token that clients must send is read from SCENE3D_TOKEN, so that it stands in no list of processes. Without
    one, the server listens on loopback only.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        data: Folder for scenes and the database.
        model: A shipped model, a folder or a Hugging Face id.
        roots: Folders below which clients may name scans by path.
        cors_origins: Web pages that may call the server.
        max_upload_mb: Largest scan.
        max_store_gb: What all scenes together may take; the least recently used go first.
        max_scenes: The same, by number.
    """
    try:
        import uvicorn

        from scene3d.server import ServerConfig, create_app
    except ImportError as error:
        raise MissingDependencyError("the server needs an extra: pip install 'scene3d[server]'") from error
    config = ServerConfig(
        host=host,
        port=port,
        data=data.resolve(),
        model=model,
        token=os.environ.get("SCENE3D_TOKEN", ""),
        roots=tuple(root.resolve() for root in roots),
        cors_origins=cors_origins,
        max_upload=max_upload_mb << 20,
        max_store=max_store_gb << 30,
        max_scenes=max_scenes,
    )
    uvicorn.run(create_app(config), host=host, port=port, log_level="info", server_header=False)


def mcp(*, url: str = "http://127.0.0.1:8000") -> None:
    """Offer a running server's scenes as tools over MCP, on standard input and output.

    Args:
        url: Of the server; its token is read from SCENE3D_TOKEN.
    """
    from scene3d.server.mcp import build_server

    build_server(url, token=os.environ.get("SCENE3D_TOKEN", "")).run("stdio")


COMMANDS: dict[str, Callable[..., None]] = {"serve": serve, "mcp": mcp}
"""Commands of this room."""
