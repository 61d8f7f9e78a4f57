"""Metrics for Prometheus, the status of jobs, and what compose/ makes of them."""
