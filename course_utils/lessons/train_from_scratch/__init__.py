"""What only lesson 3 needs."""
