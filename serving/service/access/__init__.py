"""Who calls: keys of our own, and tokens of the company's identity provider."""
