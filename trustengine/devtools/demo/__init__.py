"""A believable marketplace for trying things out: the same for the same seed and day."""
