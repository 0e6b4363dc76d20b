"""One module per family of `scene3d` commands: plain typed functions that import what they need when they run."""
