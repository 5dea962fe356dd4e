"""Events, documents, index names, ids and fields: the one source of templates, schemas and pipelines."""
