"""Who gets in and with how much: bearer token, origin and body limits, before anything else sees a request."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scene3d.server.config import ServerConfig, is_loopback
from scene3d.server.problems import Problem

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/version"})
"""What an orchestrator asks without a token."""
UPLOAD_PATH = "/v1/scenes"


class Guard:
    """ASGI middleware.

    Args:
        app: What comes after.
        config: Token and limits.
    """

    def __init__(self, app: ASGIApp, config: ServerConfig) -> None:
        self.app, self.config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a problem."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal.response()(scope, receive, send)
            return
        is_upload = scope["path"] == UPLOAD_PATH and scope["method"] == "POST"
        limit = self.config.max_upload + (1 << 20) if is_upload else self.config.max_body
        too_large = Problem(413, f"the body is larger than {limit:,} bytes; thin the scan out or ask for less")
        if int(headers.get("content-length") or 0) > limit:
            await too_large.response()(scope, receive, send)
            return
        taken, started = 0, False

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise too_large
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            if taken <= limit or started:  # else what the framework makes of the broken-off body is not of interest
                started = True
                await send(message)

        try:
            await self.app(scope, counted, watched)
        except Problem:
            if started:
                raise
        if taken > limit and not started:
            await too_large.response()(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        """Why a request is turned away at the door."""
        length = headers.get("content-length", "0")
        if not length.isdigit():
            return Problem(400, f"Content-Length {length!r} is not a number")
        if headers.get("content-encoding", "identity") != "identity":
            return Problem(415, "compressed bodies are not read; send the body as it is")
        origin = headers.get("origin")
        if origin and origin not in self.config.cors_origins:
            return Problem(403, f"web pages from {origin!r:.100} may not call this server; its keeper can allow them")
        if self.config.token:
            return self._refusal_of_token(scope, headers)
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        if not is_loopback(name):
            return Problem(403, f"this server answers to localhost only, not to {host!r:.100}")
        return None

    def _refusal_of_token(self, scope: Scope, headers: Headers) -> Problem | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.strip().encode(), self.config.token.encode())
        if scope["path"] in OPEN_PATHS or (scheme.lower() == "bearer" and right):
            return None
        return Problem(401, "send the server's token as `Authorization: Bearer …`")
