"""Quiz of lesson 0."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "The model gave the astronaut a wrong name, with some confidence. Why could it not be right?",
        (
            Option(
                "The photo is too small.", "It is larger than what the model sees. Look at the list of names."
            ),
            Option(
                "None of its thousand names fits.",
                "A classifier divides its belief among the names it has, even when none of them fits.",
                right=True,
            ),
            Option("Its weights are random.", "Then the cup of coffee would have been wrong, too."),
        ),
    ),
    Question(
        "What does the preflight's estimate rest on?",
        (
            Option(
                "The name of the processor.", "Names say little about a busy or a hot machine; it times work."
            ),
            Option(
                "A few batches timed on this machine, and the work in each lesson.",
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
                "Among its thousand names, this one got most of the model's belief.",
                "It is a share of belief, not a measured frequency.",
                right=True,
            ),
            Option(
                "95 of 100 such photos are espressos.",
                "Only if the model is calibrated, which nobody checked.",
            ),
            Option(
                "The model is right with 95% certainty.",
                "Models can be sure and wrong; think of the astronaut.",
            ),
        ),
    ),
)
