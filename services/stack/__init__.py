"""The whole service on one machine, as child processes: what `cnnlab up` and `cnnlab demo` start."""
