"""What a model's answers come to, and how sure that is."""
