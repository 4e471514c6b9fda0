"""What runs beside a device: a supervisor that holds the lease and a runner that trains."""
