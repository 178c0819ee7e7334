"""Training data: images, augmentation, buckets, latents, captions, batches."""
