"""What only lesson 6 needs."""
