"""Episodes: alerts with a beginning, a life, and an end."""
