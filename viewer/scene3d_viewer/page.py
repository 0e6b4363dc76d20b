"""A scene with its answers as one HTML file that opens anywhere, offline: the only writer of such pages."""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from scene3d.errors import InputError
from scene3d.geometry.splat import spacing
from scene3d.types import Plan
from scene3d_viewer.layers import Layers, Surface, markers_of
from scene3d_viewer.session import Exchange
from scene3d_viewer.theme import ThemeName
from scene3d_viewer.thinned import thinned

_SCRIPTS = ("three.min.js", "unpack.js", "stage.js", "overlay.js", "panel.js", "main.js")


def write_page(
    path: Path,
    layers: Layers,
    exchanges: Sequence[Exchange] = (),
    *,
    plan: Plan | None = None,
    theme: ThemeName = "light",
    most_points: int = 250_000,
) -> None:
    """Write a self-contained page: the scan, its objects, answers whose phrases light objects up, a plan.

    Args:
        path: Where to; ends in .html.
        layers: The scene and its objects.
        exchanges: Questions and answers, shown in this order.
        plan: Steps to show beneath the answers.
        theme: What the page opens in; a button changes it.
        most_points: Larger scans are thinned to this, which keeps the file below 10 MB.

    Raises:
        InputError: Another ending, or the folder is not there.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: a page is written as .html")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first")
    surface, _ = thinned(layers.surface, most=most_points)
    meta, arrays = _packed(surface)
    meta |= _described(layers, surface) | {
        "exchanges": [_exchange_record(exchange) for exchange in exchanges],
        "plan": _plan_record(layers, plan),
        "markers": [
            {"number": m.number, "at": [round(x, 3) for x in m.at_m], "objects": list(m.objects)}
            for m in markers_of(layers, plan)
        ],
    }
    parts = {
        "style": _file("style.css"),
        "meta": json.dumps(meta, separators=(",", ":")).replace("<", "\\u003c"),
        "arrays": base64.b64encode(arrays).decode(),
        "script": _file("three.LICENSE", comment=True) + "\n".join(_file(name) for name in _SCRIPTS),
    }
    page = _file("template.html").replace('data-theme="light"', f'data-theme="{theme}"')
    page = page.replace("<title>scene3d</title>", f"<title>{html.escape(layers.name)} – scene3d</title>")
    for name, text in parts.items():
        before, after = page.split(f"<!-- scene3d: {name} -->")
        page = before + text + after
    path.write_text(page, encoding="utf-8")


def _file(name: str, *, comment: bool = False) -> str:
    text = (files("scene3d_viewer") / "page" / name).read_text(encoding="utf-8")
    return f"/*! three.js\n{text}*/\n" if comment else text


def _packed(surface: Surface) -> tuple[dict[str, Any], bytes]:
    """Arrays as gzip of byte planes of differences between rows, which shrinks scans to a third; and what they are.

    Positions are 16-bit steps between the corners of the box around the scan: below a millimetre for any room.
    """
    xyz_m = surface.xyz_m.double().numpy()
    low, high = xyz_m.min(0), xyz_m.max(0)
    step = np.maximum((high - low) / 65535, 1e-9)
    region = surface.regions.of_point.numpy()[:, None]
    columns = {
        "position": np.round((xyz_m - low) / step).astype(np.uint16),
        "colour": surface.rgb.numpy(),
        "region": region.astype(np.uint16 if region.max() < 65536 else np.uint32),
    }
    if surface.faces is not None:
        columns["face"] = surface.faces.numpy().astype(np.uint32)
    described = [
        {"name": name, "rows": len(array), "columns": array.shape[1], "size": array.itemsize}
        for name, array in columns.items()
    ]
    packed = gzip.compress(b"".join(_planes(array) for array in columns.values()), compresslevel=9, mtime=0)
    return {"arrays": described, "low": low.tolist(), "high": high.tolist(), "step": step.tolist()}, packed


def _planes(array: np.ndarray) -> bytes:
    difference = np.diff(array, axis=0, prepend=np.zeros_like(array[:1]))
    little = np.ascontiguousarray(difference.ravel().astype(array.dtype.newbyteorder("<")))
    return little.view(np.uint8).reshape(-1, array.itemsize).T.tobytes()


def _described(layers: Layers, surface: Surface) -> dict[str, Any]:
    member = surface.regions.member
    whole, drawn = len(layers.surface.xyz_m), len(surface.xyz_m)
    about = f"{whole:,} points" if drawn == whole else f"{whole:,} points, thinned to {drawn:,} for this page"
    return {
        "name": layers.name,
        "about": about,
        "floor": round(layers.floor_m, 3),
        "top": round(max(layers.top_m, float(layers.surface.xyz_m[:, 2].max())), 3),
        "ceiling": round(layers.ceiling_cut_m if layers.ceiling_cut_m < layers.top_m else layers.top_m + 10, 3),
        "spacing": round(spacing(surface.xyz_m), 4),
        "cameras": np.round(layers.cameras.numpy(), 3).tolist(),
        "regionSize": layers.surface.regions.point_count().tolist(),
        "objects": [
            {
                "id": o.id,
                "name": o.name,
                "score": round(o.score, 3),
                "colour": list(o.colour),
                "box": [round(x, 3) for x in o.box_m],
                "regions": member[:, o.row].nonzero()[:, 0].tolist(),
            }
            for o in layers.objects
        ],
    }


def _exchange_record(exchange: Exchange) -> dict[str, Any]:
    """Phrases with spans as JavaScript counts them, in UTF-16 units."""
    text = exchange.answer.text
    return {
        "question": exchange.question,
        "select": list(exchange.select),
        "text": text,
        "phrases": [
            {
                "start": _utf16(text[: phrase.start]),
                "end": _utf16(text[: phrase.end]),
                "objects": [{"id": o.id, "probability": round(o.probability, 3)} for o in phrase.objects],
                "absent_probability": round(phrase.absent_probability, 3),
            }
            for phrase in exchange.answer.phrases
        ],
    }


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _plan_record(layers: Layers, plan: Plan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    steps = [
        {
            "number": step.i,
            "text": step.text,
            "objects": [i for i in dict.fromkeys(step.args.values()) if layers.by_id(i)],
        }
        for step in plan.steps
    ]
    remarks = [f"step {v.step}: {v.reason}" for v in plan.violations] + list(plan.unresolved)
    return {"text": plan.text, "valid": plan.valid, "steps": steps, "remarks": remarks}
