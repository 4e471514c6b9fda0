"""The parts of the control plane's benchmark that run in processes of their own."""
