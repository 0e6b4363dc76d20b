"""Every test runs with the jaxtyping shapes of the packages checked at run time."""

from jaxtyping import install_import_hook

install_import_hook(["scene3d_ops", "scene3d", "scene3d_viewer"], "beartype.beartype")
