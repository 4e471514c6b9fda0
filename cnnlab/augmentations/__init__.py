"""Random changes of training images, different in each epoch: one file per augmentation."""
