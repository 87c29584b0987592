"""What may happen to reports, cases, decisions and appeals. Locks: case, content, reports by id."""
