"""What reports, cases and decisions look like to clients, and what clients may send."""
