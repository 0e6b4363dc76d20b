"""From voxels to proposals: backbone, mask decoder, alignment, and the grounder that composes them."""
