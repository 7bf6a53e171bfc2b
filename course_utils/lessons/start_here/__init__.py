"""What only lesson 0 needs."""
