"""Peers, each behind a small adapter that runs in the peers' own virtual environment."""
