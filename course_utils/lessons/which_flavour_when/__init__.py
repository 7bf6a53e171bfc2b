"""What only lesson 5 needs."""
