"""What is measured beside the loss: one file per metric."""
