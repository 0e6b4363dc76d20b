"""Times the desktop window on large scans: `python viewer/timings.py`.

A scan is made from the sample office: points sampled on its faces, or its mesh with faces cut in four until the file is
large enough. Each is opened in a process of its own, on a display that nobody sees. The model does not run: the objects
are those of the small office, and encoding is timed by `make bench`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from hidden_display import HiddenDisplay
from scene3d import Grounder, load_scene, resources
from scene3d.io.ply_write import save_scene_ply
from scene3d.types import Proposals, Scene

CASES = ("1000000 points", "2000000 points", "60 MB mesh")
SIZE = (1400, 860)
FRAMES = 5
MB = 2**20


class DenseSession:
    """The objects of a small scan on a denser scan of the same room."""

    def __init__(self, scene: Scene, found: Proposals) -> None:
        self.scene = scene
        self._found = found

    def segment(self) -> Proposals:
        """As found in the small scan: each denser point in the masks of the vertex it came from."""
        return self._found


def main() -> None:
    """Time the case that is named, or each in a process of its own."""
    if len(sys.argv) > 1:
        print(json.dumps(time_case(sys.argv[1])), flush=True)
        os._exit(0)  # the toolkit would speak to the display once more, which is gone
    for case in CASES:
        subprocess.run([sys.executable, __file__, case], check=True)


def time_case(case: str) -> dict[str, Any]:
    """Open a scan in the window and say how long each part took, and a frame."""
    session = Grounder.from_pretrained("default").encode(load_scene(resources.sample("office")))
    found = session.segment()
    with tempfile.TemporaryDirectory() as folder, HiddenDisplay(*SIZE) as display:
        os.environ["DISPLAY"] = display.name
        path = Path(folder) / "dense.ply"
        dense, source = sampled(session.scene, int(case.split()[0])) if "points" in case else cut_up(session.scene)
        save_scene_ply(path, dense)
        found = dataclasses.replace(found, mask=found.mask[:, source])
        from scene3d_viewer.conversation import Conversation
        from scene3d_viewer.desktop import DesktopWindow

        clock = Clock()
        scene = load_scene(path)
        clock.mark("read")
        talk = Conversation(cast(Any, DenseSession(scene, found)))
        clock.mark("layers and picking")
        window = DesktopWindow(talk)
        clock.mark("window and geometry")
        frames: list[float] = []

        def measure() -> None:
            while not is_drawn(display):
                time.sleep(0.2)
            clock.mark("first frame seen")
            window.on_main(lambda: frames.extend(frame_times(window.scene.widget.scene)))
            window.close()

        threading.Thread(target=measure, daemon=True).start()
        window.run()
        return {
            "case": case,
            "file_mb": round(path.stat().st_size / MB, 1),
            "points": len(scene.xyz_m),
            "faces": 0 if scene.faces is None else len(scene.faces),
            **clock.parts(),
            "frame_s": round(float(np.median(frames)), 2),
        }


class Clock:
    """Seconds of parts that follow one another, by the wall's clock and of the processor."""

    def __init__(self) -> None:
        self._marks = [("", time.perf_counter(), time.process_time())]

    def mark(self, what: str) -> None:
        """A part ends."""
        self._marks.append((what, time.perf_counter(), time.process_time()))
        print(what, file=sys.stderr, flush=True)

    def parts(self) -> dict[str, Any]:
        """Each part and the whole, `[wall, processor]` seconds."""
        pairs = list(zip(self._marks, self._marks[1:], strict=False))
        parts = {b[0]: [round(b[1] - a[1], 2), round(b[2] - a[2], 2)] for a, b in pairs}
        first, last = self._marks[0], self._marks[-1]
        return parts | {"whole": [round(last[1] - first[1], 2), round(last[2] - first[2], 2)]}


def sampled(scene: Scene, count: int) -> tuple[Scene, torch.Tensor]:
    """Coloured points with normals on the faces of a scan, and the vertex that each lies near."""
    faces = scene.faces
    assert faces is not None
    random = torch.Generator().manual_seed(7)
    a, b, c = (scene.xyz_m[faces[:, i]] for i in range(3))
    cross = torch.linalg.cross(b - a, c - a)
    face = torch.multinomial(cross.norm(dim=1), count, replacement=True, generator=random)
    u, v = torch.rand(2, count, 1, generator=random)
    u, v = torch.where(u + v > 1, 1 - u, u), torch.where(u + v > 1, 1 - v, v)
    xyz_m = a[face] + u * (b - a)[face] + v * (c - a)[face]
    source = faces[face, 0]
    normal = torch.nn.functional.normalize(cross[face], dim=1)
    return rebuilt(scene, xyz_m, None if scene.rgb is None else scene.rgb[source], normal, None), source


def cut_up(scene: Scene) -> tuple[Scene, torch.Tensor]:
    """The mesh with faces cut in four until its file has some 60 MB, and the vertex that each new one lies near."""
    xyz_m, rgb, faces = scene.xyz_m, scene.rgb, scene.faces
    assert faces is not None
    assert rgb is not None
    source = torch.arange(len(xyz_m))
    rest = faces[:0]
    while 15 * len(xyz_m) + 13 * (len(faces) + len(rest)) < 59 * MB:
        cut = (59 * MB - 15 * len(xyz_m) - 13 * (len(faces) + len(rest))) // 60  # faces that may become four
        faces, rest = faces[:cut], torch.cat([rest, faces[cut:]])
        edge = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(1).values
        edge, of_face = edge.unique(dim=0, return_inverse=True)
        ab, bc, ca = (of_face + len(xyz_m)).view(3, -1)
        a, b, c = faces.unbind(1)
        corners = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        faces = torch.cat([torch.stack(corner, 1) for corner in corners])
        xyz_m = torch.cat([xyz_m, xyz_m[edge].mean(1)])
        rgb, source = torch.cat([rgb, rgb[edge[:, 0]]]), torch.cat([source, source[edge[:, 0]]])
    return rebuilt(scene, xyz_m, rgb, None, torch.cat([faces, rest])), source


def rebuilt(
    scene: Scene,
    xyz_m: torch.Tensor,
    rgb: torch.Tensor | None,
    normal: torch.Tensor | None,
    faces: torch.Tensor | None,
) -> Scene:
    """A scan of the same room."""
    identity = torch.eye(4, dtype=torch.float64)
    return Scene(name=scene.name, xyz_m=xyz_m, rgb=rgb, normal=normal, faces=faces, file_from_scene=identity)


def is_drawn(display: HiddenDisplay) -> bool:
    """Whether the scan is to be seen: the left half of the screen has many colours."""
    pixel = np.asarray(display.picture())[::17, : SIZE[0] // 2 : 17].reshape(-1, 3)
    return len(np.unique(pixel, axis=0)) > 100


def frame_times(scene: Any) -> list[float]:
    """Seconds per frame of the window's scene, each drawn and read back before the next begins."""
    from open3d.visualization import gui

    seconds = []
    for _ in range(FRAMES + 1):
        start = time.perf_counter()
        gui.Application.instance.render_to_image(scene, 984, 860)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


if __name__ == "__main__":
    main()
