"""Pure functions on points and boxes: voxels, superpoints, boxes, cameras."""
