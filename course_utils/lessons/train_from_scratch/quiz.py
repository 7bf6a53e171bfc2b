"""Quiz of lesson 3."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "Your first loss is 9.3 on 16 classes. What do you do?",
        (
            Option(
                "Train longer: it will fall.", "It may, but the start says that something is wrong already."
            ),
            Option(
                "Look at the start values, the input's normalisation and the loss's code.",
                "Guessing costs about 2.8. A loss far above it means confident and wrong before any training.",
                right=True,
            ),
            Option("Nothing: that is normal.", "An even guess among 16 classes costs log(16), about 2.8."),
        ),
    ),
    Question(
        "Val accuracy rises from .60 to .61 when you double the weight decay, one run each. Did that help?",
        (
            Option(
                "Yes, a little.",
                "Another seed alone may change as much: two runs are two throws of the dice.",
            ),
            Option(
                "Nobody can know from that.",
                "Look at the interval and at several seeds.",
                right=True,
            ),
            Option("No, .01 is always luck.", "On many pictures and over many seeds it may well be real."),
        ),
    ),
    Question(
        "Why is the highest val accuracy of all epochs too good to be reported?",
        (
            Option("Val is easier than test.", "They are drawn alike."),
            Option("The model has trained on val.", "No weight was ever moved by a val picture."),
            Option(
                "It is the highest of many numbers that all scatter.",
                "The best of many is partly luck, and the luck does not come along to new pictures.",
                right=True,
            ),
        ),
    ),
)
