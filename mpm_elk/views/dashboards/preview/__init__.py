"""The dashboards drawn without Kibana: from the same saved objects and the same answers, one HTML page each."""
