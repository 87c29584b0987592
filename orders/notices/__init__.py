"""E-mails about orders: what is told to whom, in which words, and how people stop them.

What happened is told by jobs that follow the events of orders. A job writes a ``Notice``
row, which the database allows once, and a second job sends it.
"""
