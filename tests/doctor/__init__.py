"""`doctor`: each thing that can be wrong is made wrong, and said."""
