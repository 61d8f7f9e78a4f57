"""What other programs read: the dashboard's data over HTTP (`/api/v1/`) and as a websocket of live rows. It never writes."""
