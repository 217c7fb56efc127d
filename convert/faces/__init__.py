"""What the networks on aligned face crops share: data, augmentation, the training loop, export and cards."""
