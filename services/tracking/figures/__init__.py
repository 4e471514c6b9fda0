"""Pictures of trials and sweeps, one kind a file, drawn without a display and without global state."""
