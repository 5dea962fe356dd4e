"""Rules that turn metrics into findings: pure."""
