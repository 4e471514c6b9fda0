"""What planning leaves behind: axes, shapes and packs, and the trial of each number."""
