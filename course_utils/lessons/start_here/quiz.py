"""Quiz of lesson 0."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "The model called a drawn bird a kite, and sounded confident. Why could it not be right?",
        (
            Option(
                "The picture is too small.",
                "It is larger than what the model sees. Look at the list of names.",
            ),
            Option(
                "None of its thousand names fits.",
                "A classifier divides the whole among the names it has, even when none of them fits.",
                right=True,
            ),
            Option("Its weights are random.", "Then the cup of coffee would have been wrong, too."),
        ),
    ),
    Question(
        "What do the computer's minutes in the table rest on?",
        (
            Option(
                "The name of the processor.", "Names say little about a busy or a hot machine; it times work."
            ),
            Option(
                "A few batches timed on this machine, and the work counted in each lesson.",
                "So it holds for the machine as it was at that moment: close other programs and it gets better.",
                right=True,
            ),
            Option("The size of the notebook file.", "A short cell can train for minutes."),
        ),
    ),
    Question(
        "Softmax gave .95 to `espresso`. What does that number say?",
        (
            Option(
                "Of the whole, which its thousand names share, this one got 95%.",
                "It is a share, not a measured frequency.",
                right=True,
            ),
            Option(
                "95 of 100 such photos are espressos.",
                "Only if the model is calibrated, which this course has not checked.",
            ),
            Option(
                "The model is right with 95% certainty.",
                "Models can sound sure and be wrong; think of the bird called a kite.",
            ),
        ),
    ),
)
