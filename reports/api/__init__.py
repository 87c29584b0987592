"""Reports, appeals and moderation over HTTP."""
