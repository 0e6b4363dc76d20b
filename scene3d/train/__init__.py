"""Flat training scripts and what they share: data, augmentation, targets, losses."""
