"""Reports, cases, decisions and appeals. So far only its place in the layering stands."""
