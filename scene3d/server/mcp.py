"""A running server's scenes as tools of an assistant, over the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scene3d.client import Client
from scene3d.errors import MissingDependencyError


def build_server(url: str, *, token: str = "", client: Client | None = None) -> Any:
    """An MCP server whose tools call the HTTP API.

    Args:
        url: Of the HTTP server.
        token: Its token.
        client: To use instead of a new one.

    Returns:
        An `mcp.server.MCPServer`; `run("stdio")` serves standard input and output.

    Raises:
        MissingDependencyError: The MCP SDK is not installed.
    """
    try:
        from mcp.server import MCPServer
    except ImportError as error:
        raise MissingDependencyError("MCP needs an extra: pip install 'scene3d[mcp]'") from error
    http = client or Client(url, token=token)
    server = MCPServer(
        "scene3d", instructions="Questions and plans about 3D scans of rooms. All of it is perception, no safe motion."
    )

    @server.tool()
    def open_scan(path: str) -> str:
        """Read a scan of a room from a file on this machine; returns the scene id that the other tools take."""
        return http.upload(Path(path))

    @server.tool()
    def list_objects(scene: str) -> dict[str, Any]:
        """All objects of a scene, with labels, scores and boxes in the scan's frame."""
        return http.objects(scene)

    @server.tool()
    def ask_scene(scene: str, question: str) -> dict[str, Any]:
        """Answer a question about a scene; phrases of the answer are linked to objects."""
        return http.ask(scene, question)

    @server.tool()
    def find_in_scene(scene: str, description: str) -> dict[str, Any]:
        """The objects of a scene that a description names: one, several or none."""
        return http.ground(scene, description)

    @server.tool()
    def plan_in_scene(scene: str, request: str = "", goal: str = "") -> dict[str, Any]:
        """Checked steps for a household robot; the goal, if given, as facts such as `on(3, 1)`."""
        return http.plan(scene, request, goal=goal or None)

    return server
