"""Cells, the aggregations that count them, and mergeable profiles."""
