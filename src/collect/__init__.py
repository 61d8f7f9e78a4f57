"""From an exchange's frame to a record on Kafka."""
