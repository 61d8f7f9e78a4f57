"""What a running job says of itself. Whoever does not want Spark loaded takes it from `src.monitoring.job_status`."""

from src.monitoring.job_status import JobStatus, job_status_path, read_job_status, write_job_status

__all__ = ["JobStatus", "job_status_path", "read_job_status", "write_job_status"]
