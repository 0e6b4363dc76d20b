"""Objects in the words of robots: vision_msgs/Detection3DArray, and scene graphs as spark_dsg writes them.

Metres, right-handed, z up, map frame. A box is what was perceived, neither a grasp nor a safe motion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64

from scene3d.labels import class_list
from scene3d.planner.world import World
from scene3d.types import Proposals

NOTICE = "perception of one scan: neither a grasp nor a guarantee of a safe motion"
_OBJECT_LAYER = 2
_AABB = 1
_NO_LABEL = 4294967295


def map_boxes(found: Proposals, map_from_scene: Float64[np.ndarray, "4 4"]) -> Float64[np.ndarray, "q 2 3"]:
    """Centre and size of the upright boxes around the turned ones, map frame, metres."""
    box = found.box.numpy().astype(np.float64).reshape(-1, 2, 3)
    centre, half = box.mean(1), (box[:, 1] - box[:, 0]) / 2
    turn, shift = map_from_scene[:3, :3], map_from_scene[:3, 3]
    return np.stack([centre @ turn.T + shift, 2 * half @ np.abs(turn).T], axis=1)


def detection_array(
    found: Proposals, map_from_scene: Float64[np.ndarray, "4 4"], *, frame: str, stamp_s: float
) -> dict[str, Any]:
    """A vision_msgs/Detection3DArray (4.x) as JSON, fields as rosbridge and `ros2 topic echo` name them."""
    nanoseconds = round(stamp_s * 1e9)
    header = {"stamp": {"sec": nanoseconds // 10**9, "nanosec": nanoseconds % 10**9}, "frame_id": frame}
    labels = found.label or ("",) * len(found.id)
    detections = []
    for row, (centre, size) in enumerate(map_boxes(found, map_from_scene)):
        pose = {"position": _xyz(centre), "orientation": {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}}
        hypothesis = {"class_id": labels[row], "score": round(float(found.score[row]), 4)}
        detections.append(
            {
                "header": header,
                "results": [{"hypothesis": hypothesis, "pose": {"pose": pose, "covariance": [0.0] * 36}}],
                "bbox": {"center": pose, "size": _xyz(size)},
                "id": str(found.id[row]),
            }
        )
    return {"header": header, "detections": detections}


def native_graph(found: Proposals, world: World, map_from_scene: Float64[np.ndarray, "4 4"]) -> dict[str, Any]:
    """Objects and what stands on or lies in what."""
    boxes = map_boxes(found, map_from_scene)
    labels = found.label or ("",) * len(found.id)
    nodes = [
        {
            "id": found.id[row],
            "label": labels[row],
            "score": round(float(found.score[row]), 4),
            "center": [round(v, 4) for v in boxes[row, 0].tolist()],
            "size": [round(v, 4) for v in boxes[row, 1].tolist()],
            "stand_at": world.poses.get(found.id[row]),
        }
        for row in range(len(found.id))
    ]
    edges = [{"source": a, "target": b, "relation": relation} for a, b, relation in _relations(world)]
    return {"schema": "scene3d/graph/1", "notice": NOTICE, "nodes": nodes, "edges": edges}


def spark_graph(found: Proposals, world: World, map_from_scene: Float64[np.ndarray, "4 4"]) -> dict[str, Any]:
    """The same as spark_dsg 1.0.4 writes it: one layer of objects, an edge from each to what holds it.

    Source: github.com/MIT-SPARK/Spark-DSG, graph and attribute serialisation.
    """
    boxes = map_boxes(found, map_from_scene)
    labels = found.label or ("",) * len(found.id)
    classes = class_list("scannet200")
    rgb = np.full((len(found.id), 3), 0.5) if found.rgb is None else found.rgb.numpy()
    nodes = []
    for row, object_id in enumerate(found.id):
        colour = dict(zip("rgb", (int(255 * c) for c in rgb[row].clip(0, 1)), strict=True)) | {"a": 255}
        centre, size = ([float(v) for v in part] for part in boxes[row])
        box = {"type": _AABB, "dimensions": size, "world_P_center": centre, "world_R_center": _unturned()}
        attributes = {
            "type": "ObjectNodeAttributes",
            "position": centre,
            "last_update_time_ns": 0,
            "is_active": False,
            "is_predicted": False,
            "name": labels[row],
            "color": colour,
            "bounding_box": box,
            "semantic_label": classes.id_of(labels[row]) or _NO_LABEL,
            "semantic_feature": [],
            "mesh_connections": [],
            "registered": False,
            "world_R_object": _unturned(),
        }
        nodes.append({"id": _symbol(object_id), "layer": _OBJECT_LAYER, "attributes": attributes})
    info = {"type": "EdgeAttributes", "weighted": False, "weight": 1.0}
    edges = [{"source": _symbol(a), "target": _symbol(b), "info": info} for a, b, _ in _relations(world)]
    version = {"major": 1, "minor": 0, "patch": 4}
    return {
        "SPARK_DSG_header": {"project_name": "main", "version": version},
        "directed": False,
        "multigraph": False,
        "layer_ids": [_OBJECT_LAYER, 3, 4, 5],
        "metadata": {"notice": NOTICE},
        "nodes": nodes,
        "edges": edges,
    }


def _relations(world: World) -> list[tuple[int, int, str]]:
    found = []
    for atom in sorted(world.facts):
        if atom[0] in ("on", "inside"):
            upper, lower = world.named(atom[1]), world.named(atom[2])
            if upper is not None and lower is not None:
                found.append((upper.id, lower.id, atom[0]))
    return found


def _symbol(object_id: int) -> int:
    """The node symbol `O(id)`: the letter in the highest byte."""
    return ord("O") << 56 | object_id


def _unturned() -> dict[str, float]:
    return {"w": 1.0, "x": 0.0, "y": 0.0, "z": 0.0}


def _xyz(values: Float64[np.ndarray, "3"]) -> dict[str, float]:
    return dict(zip("xyz", (round(float(v), 6) for v in values), strict=True))
