"""Quiz of lesson 5."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "A blog reports that a fine-tuned ResNet-50 beats a ResNet-18 from scratch. What did it measure?",
        (
            Option("What pre-trained weights are worth.", "Is that the only thing that differed?"),
            Option(
                "Two things at once, the weights and the architecture.",
                "Nobody can say which of them won.",
                right=True,
            ),
            Option(
                "That ResNet-50 is the better architecture.",
                "Its weights were borrowed, the other's were not.",
            ),
        ),
    ),
    Question(
        "Your gain is .020 with a standard error of .015 over three seeds. What do you write?",
        (
            Option(
                "A gain of two points.",
                "With three seeds the interval goes four standard errors to each side: it holds zero.",
            ),
            Option(
                "Fine-tuning does not help.",
                "That you did not see a difference does not show that there is none.",
            ),
            Option(
                "No clear difference so far.",
                "Then run more seeds, or test on more pictures.",
                right=True,
            ),
        ),
    ),
    Question(
        "The probe reaches .88 and fine-tuning .90, at sixty times the cost. When is fine-tuning right?",
        (
            Option("Never: sixty times is too much.", "Sixty times a second is a minute."),
            Option(
                "When two points are worth more to you than a minute of training.",
                "Cost counts in what it costs, not in how many times as much.",
                right=True,
            ),
            Option("Always: accuracy comes first.", "Storage, delay and upkeep count as well."),
        ),
    ),
)
