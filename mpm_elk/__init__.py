"""Model performance management on the Elastic stack."""

__version__ = "0.1.0"
