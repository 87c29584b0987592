"""Who acts: users, the profiles they act for, tokens and staff groups."""
