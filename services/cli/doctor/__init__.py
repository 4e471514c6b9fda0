"""What the service needs on this machine: what is there, what is missing, and how to get it."""
