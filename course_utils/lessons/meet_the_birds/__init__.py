"""What only lesson 2 needs."""
