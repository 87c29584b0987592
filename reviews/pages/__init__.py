"""Plain pages for buyers: a product's reviews, fast and readable without a script."""
