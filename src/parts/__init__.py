"""The parts of a running system (broker, ClickHouse, collector, jobs, dashboard): started, watched and stopped as one, and looked at."""
