"""Every test runs with the jaxtyping shapes of the packages checked at run time."""

from jaxtyping import install_import_hook

import tests.shape_check  # noqa: F401  (the hook looks it up as an attribute)

install_import_hook(["scene3d_ops", "scene3d", "scene3d_viewer"], "tests.shape_check.check")
