"""What makes a lesson a lesson: exercises that check themselves, figures, and running a lesson without Jupyter."""
