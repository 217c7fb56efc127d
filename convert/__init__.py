"""Where the models come from: train, export, evaluate, card. Run from the root: ``python -m convert train NAME``."""
