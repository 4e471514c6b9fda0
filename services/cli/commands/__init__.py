"""The commands of `cnnlab`: one file each, found by its name."""
