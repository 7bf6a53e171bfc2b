"""Flavours side by side: what each is, one run of one, many runs compared, and what they came to."""
