"""Elasticsearch's read side: what its clients, Grafana's data source and tools like Kibana ask for."""
