"""The demo: a year of real flights from New York, a model that predicts late arrivals, and three planted incidents."""
