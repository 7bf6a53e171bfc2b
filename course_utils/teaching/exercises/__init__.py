"""The exercises of each lesson: their checks, hints and solutions, one module for each topic."""
