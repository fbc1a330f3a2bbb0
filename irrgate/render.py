"""Jinja2: a template prints what was decided, and the platform reads it back to be sure.

StrictUndefined, no clock, no randomness: the same lists give the same bytes. A workspace may bring
its own template for a platform; since it could print anything, nothing that a template printed is
used before the platform's own parser has read the very same filters out of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from irrgate.errors import RenderError
from irrgate.network import Workspace
from irrgate.platforms.platform import PrintedList, Removal

TEMPLATE: Final = "prefix_filters.j2"


def shipped_templates() -> Path:
    """Return the folder of irrgate's own templates: in the wheel, or beside the source."""
    package = Path(__file__).resolve().parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


class Renderer:
    """Renders filters by platform; templates of `overrides` come before irrgate's own."""

    def __init__(self, overrides: Path | None = None) -> None:
        folders = [str(shipped_templates())]
        if overrides is not None:
            folders.insert(0, str(overrides))
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader(folders),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        del self._environment.filters["random"], self._environment.globals["lipsum"]

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """Return the renderer with the workspace's own templates, if it has any."""
        overrides = workspace.directory / "templates"
        return cls(overrides if overrides.is_dir() else None)

    def digest(self, platform: str) -> str:
        """Return the SHA-256 of the platform's template, or raise RenderError."""
        name = f"{platform}/{TEMPLATE}"
        loader = self._environment.loader
        try:
            source = loader.get_source(self._environment, name)[0] if loader else ""
        except (jinja2.TemplateNotFound, UnicodeDecodeError) as exc:
            raise RenderError(name, "the template is missing, or is no text") from exc
        return hashlib.sha256(source.encode()).hexdigest()

    def render(
        self, platform: str, lists: Sequence[PrintedList], removals: Sequence[Removal] = ()
    ) -> str:
        """Return the configuration text that sets and removes filters, or raise RenderError."""
        name = f"{platform}/{TEMPLATE}"
        try:
            return self._environment.get_template(name).render(lists=lists, removals=removals)
        except jinja2.TemplateNotFound as exc:
            raise RenderError(str(exc.name or name), "the template is missing") from exc
        except jinja2.TemplateSyntaxError as exc:
            where = f"{exc.filename or name}:{exc.lineno}"
            raise RenderError(where, f"the template has a syntax error: {exc.message}") from exc
        except Exception as exc:
            # A template calls filters and methods, and raises whatever these do.
            said = str(exc) or type(exc).__name__
            raise RenderError(name, f"the template cannot be rendered: {said}") from exc
