"""Rules tried on made traffic, in virtual time, without Elasticsearch."""
