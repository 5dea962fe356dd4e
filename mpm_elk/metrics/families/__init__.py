"""Families of metrics: each number of a document as a function of what is measured, and its entry in the registry.

A new metric is a function and an entry in a family's `METRICS`, and its name in `contract/metric_names.py` if rules may
use it. The statistics that several families share are one level up, on arrays.
"""
