"""The notebook twin: what the job computes in a cluster, on tables, without Elasticsearch.

Tables are counted by the registry, windows are judged by the rules, documents are those of `mpm-metrics-v1-*`: nothing
statistical is written down twice.
"""
