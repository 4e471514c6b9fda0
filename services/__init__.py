"""The control plane: it owns the state of every sweep; workers are its clients."""
