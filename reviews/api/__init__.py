"""The storefront's endpoints: products with their ratings, reviews, votes."""
