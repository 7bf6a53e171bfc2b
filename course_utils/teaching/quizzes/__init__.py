"""The quiz of each lesson, one module for each topic."""
