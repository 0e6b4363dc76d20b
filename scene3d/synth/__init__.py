"""Furniture to rooms to simulated scans with truth."""

from scene3d.synth.batch import Outcome
from scene3d.synth.compact import (
    AnnotatedScan,
    TrainingScene,
    load_training_scene,
    write_annotated_scan,
    write_training_scene,
)
from scene3d.synth.furniture import Catalogue, load_catalogue
from scene3d.synth.generate import SynthSettings, generate_scenes, make_scan
from scene3d.synth.inventory import SceneObject, inventory
from scene3d.synth.layout import KINDS, furnish
from scene3d.synth.room import PlacedObject, Room, Structure, TexturedMesh
from scene3d.synth.scan import ScanFrame, ScanSettings, SimulatedScan, scan_room
from scene3d.synth.writer import write_scan_folder

__all__ = [
    "KINDS",
    "AnnotatedScan",
    "Catalogue",
    "Outcome",
    "PlacedObject",
    "Room",
    "ScanFrame",
    "ScanSettings",
    "SceneObject",
    "SimulatedScan",
    "Structure",
    "SynthSettings",
    "TexturedMesh",
    "TrainingScene",
    "furnish",
    "generate_scenes",
    "inventory",
    "load_catalogue",
    "load_training_scene",
    "make_scan",
    "scan_room",
    "write_annotated_scan",
    "write_scan_folder",
    "write_training_scene",
]
