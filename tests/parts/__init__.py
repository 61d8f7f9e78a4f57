"""The parts of a running system."""
