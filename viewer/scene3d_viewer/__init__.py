"""Shows scans and answers: layers that a still picture, a page or a window draw alike."""
