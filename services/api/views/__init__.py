"""The models of the API's answers, and the functions that make them from the domain's objects."""
