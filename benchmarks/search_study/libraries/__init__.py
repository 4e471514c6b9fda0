"""Methods of other libraries on recorded curves, each run by the interpreter of their own environment."""
