"""Verified-purchase reviews, their revisions, votes, ratings and screening."""
