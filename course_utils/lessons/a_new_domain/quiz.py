"""Quiz of lesson 6."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "One person in fifty is ill. A detector is right in 98% of its calls. What do you know?",
        (
            Option("It is very good.", "So is a machine that never raises an alarm."),
            Option(
                "Nearly nothing: ask how many of the ill it finds, of the healthy it alarms.",
                "Those two do not change just because fewer are ill.",
                right=True,
            ),
            Option("It misses two in a hundred of the ill.", "The errors may all be among the ill."),
        ),
    ),
    Question(
        "On val you set the threshold to clear 95% of the healthy. On a new scanner it clears 80%. What has happened?",
        (
            Option(
                "The scores of the healthy have moved up there.",
                "A threshold is a promise about the scores of one kind of picture. Choose it again on studies from there.",
                right=True,
            ),
            Option("The illness is more frequent there.", "Specificity asks the healthy only."),
            Option(
                "The area under the ROC curve fell by 15 points.", "The area does not know your threshold."
            ),
        ),
    ),
    Question(
        "Your design crosses three depths with two activations, three seeds each. How many runs speak about the activation?",
        (
            Option("Three: one depth is enough.", "Then fifteen runs would say nothing about it."),
            Option(
                "Six: the best depth's.", "Choosing the depth by its result, and then reading it, flatters."
            ),
            Option(
                "All eighteen, in nine pairs.",
                "Each run has a twin of the same depth and seed with the other activation.",
                right=True,
            ),
        ),
    ),
    Question(
        "A paper on a new kind of scan splits studies at random and reports an AUROC of .97. What do you ask first?",
        (
            Option(
                "Whether patients have several studies.",
                "If so, the test may ask for people that training has seen.",
                right=True,
            ),
            Option("Which optimiser it took.", "That would change the number, not its meaning."),
            Option(
                "Whether the network was pre-trained.", "It may have been; the number could still be a leak."
            ),
        ),
    ),
)
