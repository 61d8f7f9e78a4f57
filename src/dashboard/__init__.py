"""The dashboard: a page that reads the metric tables and shows them, in English or Korean. It never uses Spark."""
