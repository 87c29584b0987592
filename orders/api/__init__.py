"""The catalogue's, the customers' and the vendors' side of orders over HTTP."""
