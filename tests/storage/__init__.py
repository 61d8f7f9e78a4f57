"""The sinks on real stores: SQLite, a MySQL-protocol server, a Kafka broker."""
