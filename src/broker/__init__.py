"""The embedded Kafka broker, and the topics of whichever Kafka is used."""
