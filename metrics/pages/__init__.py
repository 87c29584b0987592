"""A page for vendors: what they sold, and how it was reviewed."""
