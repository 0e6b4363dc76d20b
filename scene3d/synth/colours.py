"""Colours of things: plain names for what is seen, palettes to paint with, recolouring of furniture."""

from __future__ import annotations

import colorsys

import numpy as np
from jaxtyping import Float, UInt8

from scene3d.synth.room import TexturedMesh
from scene3d.synth.textured_mesh import face_colours, retextured, sampled

Rgb = tuple[int, int, int]

NAMES = ("black", "grey", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "beige")

WOOD: tuple[Rgb, ...] = (
    (198, 156, 109), (166, 118, 74), (122, 82, 50), (92, 58, 36), (215, 183, 140), (140, 92, 60), (181, 101, 58),
    (64, 44, 34), (228, 205, 170), (150, 126, 98),
)  # fmt: skip
WALL: tuple[Rgb, ...] = (
    (240, 238, 232), (230, 224, 210), (222, 226, 228), (205, 214, 205), (214, 200, 178), (188, 205, 220),
    (232, 214, 202), (196, 190, 182), (176, 190, 170), (235, 225, 180), (150, 165, 180), (210, 180, 170),
    (120, 130, 140), (245, 245, 245),
)  # fmt: skip
VIVID: tuple[Rgb, ...] = (
    (178, 34, 34), (205, 92, 40), (222, 165, 40), (60, 120, 60), (40, 80, 140), (70, 130, 180), (100, 60, 120),
    (200, 110, 140), (30, 110, 110), (130, 30, 50), (90, 110, 40), (20, 40, 80), (230, 200, 70), (120, 170, 60),
)  # fmt: skip
PLAIN: tuple[Rgb, ...] = (
    (245, 245, 242), (225, 222, 215), (190, 188, 184), (140, 140, 140), (90, 92, 95), (50, 50, 54), (25, 25, 28),
    (200, 190, 170), (170, 150, 125), (110, 90, 75),
)  # fmt: skip


def pick(rng: np.random.Generator, *palettes: tuple[Rgb, ...]) -> Rgb:
    """A colour of one of the palettes, slightly varied."""
    palette = palettes[rng.integers(len(palettes))]
    base = np.array(palette[rng.integers(len(palette))]) + rng.normal(0, 7) + rng.normal(0, 2, 3)
    red, green, blue = base.clip(0, 255).astype(int)
    return int(red), int(green), int(blue)


def solid(rgb: Rgb) -> UInt8[np.ndarray, "1 1 3"]:
    """A picture of one pixel."""
    return np.array(rgb, np.uint8).reshape(1, 1, 3)


def colour_names(rgb: UInt8[np.ndarray, "n 3"]) -> np.ndarray:
    """Index into `NAMES` of each colour, by hue, lightness and saturation."""
    value = rgb.astype(np.float64) / 255
    high, low = value.max(1), value.min(1)
    chroma = high - low
    light = (high + low) / 2
    red, green, blue = value.T
    spread = np.maximum(chroma, 1e-9)
    hue = np.where(
        high == red,
        (green - blue) / spread % 6,
        np.where(high == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    hue_deg = hue * 60
    edges = np.array([14, 42, 68, 165, 255, 300, 345])
    names = np.array([3, 4, 5, 6, 7, 8, 9, 3])[np.searchsorted(edges, hue_deg, side="right")]
    warm = (hue_deg >= 8) & (hue_deg < 60)
    names = np.where(warm & (light < 0.42) & (chroma < 0.62), 10, names)  # dark orange is brown
    names = np.where(warm & (chroma < 0.45) & (light >= 0.42) & (light < 0.62), 10, names)
    names = np.where(warm & (chroma < 0.40) & (light >= 0.62), 11, names)  # pale orange is beige
    names = np.where((names == 3) & (light > 0.62), 9, names)  # pale red is pink
    dull = (chroma < 0.10) | ((chroma < 0.16) & ((light < 0.22) | (light > 0.9)))
    plain = np.where(light < 0.20, 0, np.where(light < 0.80, 1, 2))
    names = np.where(dull, plain, names)
    return np.where(light < 0.09, 0, names)


def dominant_colour(mesh: TexturedMesh) -> str:
    """Name of the colour that covers most of the surface."""
    face, barycentric, _ = sampled(mesh, 256)
    return NAMES[int(np.bincount(colour_names(face_colours(mesh, face, barycentric)), minlength=len(NAMES)).argmax())]


def recoloured(mesh: TexturedMesh, rng: np.random.Generator, *, strength: float) -> TexturedMesh:
    """The mesh with some of its materials painted anew; the grain of a texture stays.

    Args:
        mesh: The mesh.
        rng: Where the choice comes from.
        strength: Chance that the piece is repainted at all; 0 leaves it as its author made it.
    """
    if rng.random() >= strength:
        return mesh
    whole = rng.random() < 0.5
    paint = pick(rng, VIVID, PLAIN, WOOD)
    textures = []
    for texture in mesh.textures:
        if whole or rng.random() < 0.5:
            paint = paint if whole else pick(rng, VIVID, PLAIN, WOOD)
            texture = _painted(texture, np.array(paint, np.float64))
        textures.append(texture)
    return retextured(mesh, textures)


def _painted(texture: UInt8[np.ndarray, "h w 3"], paint: Float[np.ndarray, "3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The texture's relative lightness over another colour; near-black parts such as screens and wheels stay."""
    grey = texture.mean(2, keepdims=True)
    mean = max(float(grey.mean()), 1.0)
    if mean < 28:
        return texture
    return (paint * (grey / mean).clip(0.3, 1.6)).clip(0, 255).astype(np.uint8)


def shifted(rgb: Rgb, rng: np.random.Generator, *, amount: float = 0.06) -> Rgb:
    """A neighbouring hue and lightness."""
    hue, light, saturation = colorsys.rgb_to_hls(*(x / 255 for x in rgb))
    shift = rng.uniform(-amount, amount, 2)
    red, green, blue = colorsys.hls_to_rgb((hue + shift[0]) % 1, min(max(light + shift[1], 0.02), 0.98), saturation)
    return int(red * 255), int(green * 255), int(blue * 255)
