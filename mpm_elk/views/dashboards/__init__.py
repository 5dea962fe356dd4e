"""Kibana dashboards: compiled, checked, turned into requests, drawn without Kibana, and installed."""
