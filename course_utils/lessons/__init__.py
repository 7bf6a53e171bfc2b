"""A folder a lesson: its exercises, its quiz, its figures and widgets."""
