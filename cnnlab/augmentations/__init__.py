"""Changes of training images, drawn anew each epoch: one file per augmentation."""
