"""What a running job and a collector tell of themselves as numbers, for Prometheus and for the status of a job."""
