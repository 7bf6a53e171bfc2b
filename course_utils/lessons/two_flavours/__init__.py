"""What only lesson 1 needs."""
