"""What all lessons share: checks, quizzes, figures, widgets, alternative texts, running them."""
