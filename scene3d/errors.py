"""One family of errors. Each message says what is wrong, names the value, and tells the way out."""

from __future__ import annotations


class Scene3DError(Exception):
    """Everything that scene3d raises on purpose; the command line prints it without a traceback."""


class InputError(Scene3DError, ValueError):
    """A file, array or argument from outside cannot be used."""


class ConfigError(Scene3DError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


class MissingDependencyError(Scene3DError, ImportError):
    """An optional library, program or asset is not installed; the message names the extra or the package."""
