"""Models, versions, cells, baselines, and the audit trail."""
