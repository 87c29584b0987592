"""Django's PostgreSQL backend, which does not wait again and again for a server that is away."""
