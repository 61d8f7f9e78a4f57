"""The embedded broker, the topics, and the commands that steer them."""
