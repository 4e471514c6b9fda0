"""The state of everything, in SQL: the only place that imports sqlalchemy."""
