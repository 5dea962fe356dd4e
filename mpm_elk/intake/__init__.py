"""From lines of a log to stored prediction events; what cannot be accepted goes to quarantine with a reason."""
