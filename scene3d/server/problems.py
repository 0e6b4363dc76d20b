"""Errors as RFC 9457 problem details: what is wrong and the way out, never a stack trace."""

from __future__ import annotations

import errno
import logging
import sqlite3
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from scene3d.errors import MissingDependencyError, Scene3DError

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: "Bad request",
    401: "Not authorised",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Not ready",
    413: "Too large",
    415: "Unsupported media type",
    422: "Cannot be used",
    429: "Too many requests",
    500: "Internal error",
    501: "Not available",
    503: "Unavailable",
    504: "Took too long",
    507: "No space left",
}
_log = logging.getLogger("scene3d.server")


class Problem(Exception):
    """An error with the status that HTTP has for it.

    Args:
        status: Of HTTP.
        detail: A sentence for people, with the way out.
        retry_after_s: When to try again.
    """

    def __init__(self, status: int, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after_s = status, detail, retry_after_s

    def response(self) -> JSONResponse:
        """As HTTP."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers=headers, media_type=MEDIA_TYPE)

    def body(self) -> dict[str, Any]:
        """The members of RFC 9457."""
        title = _TITLES.get(self.status, "Error")
        return {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail}


def problem_of(error: BaseException) -> Problem:
    """The problem that an error is to a client; what is not known is logged and told as an internal error."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, MissingDependencyError):
        return Problem(501, str(error))
    if isinstance(error, Scene3DError):
        return Problem(422, str(error))
    if isinstance(error, TimeoutError):
        return Problem(504, "the answer took too long; ask something shorter, or try again when less is going on")
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or (isinstance(error, sqlite3.OperationalError) and "full" in str(error)):
        return Problem(507, "the server's disk is full; delete scenes, or ask its keeper for space")
    if isinstance(error, sqlite3.Error):
        _log.error("database: %s", error)
        return Problem(503, "the server's database does not answer; try again later", retry_after_s=5)
    _log.error("unexpected error", exc_info=error)
    return Problem(500, "something unexpected went wrong; the server's log says more")


def add_handlers(app: FastAPI) -> None:
    """Answer every error as a problem."""

    async def handle(_: Request, error: Exception) -> JSONResponse:
        return problem_of(error).response()

    async def handle_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        detail = (
            "there is nothing here; /openapi.json lists what there is" if error.status_code == 404 else error.detail
        )
        response = Problem(error.status_code, str(detail)).response()
        response.headers.update(error.headers or {})
        return response

    async def handle_invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        return Problem(422, "; ".join(faults[:5])).response()

    app.add_exception_handler(RequestValidationError, handle_invalid)
    app.add_exception_handler(HTTPException, handle_http)
    for kind in (Problem, Scene3DError, TimeoutError, OSError, sqlite3.Error, Exception):
        app.add_exception_handler(kind, handle)
