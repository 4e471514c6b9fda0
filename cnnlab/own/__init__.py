"""One's own code as entries: a function that returns a module, a class that returns images."""
