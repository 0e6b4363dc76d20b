"""How good the shipped model is, on rooms whose furniture and seeds no training has seen."""
