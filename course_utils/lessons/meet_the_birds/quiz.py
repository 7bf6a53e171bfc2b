"""Quiz of lesson 2."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "Your data set has 95 healthy and 5 sick in 100. A model names 95 in 100 rightly. What have you got?",
        (
            Option("A good model.", "What would a predictor reach that always says the same?"),
            Option(
                "Possibly nothing: always saying healthy reaches the same.",
                "That is the majority baseline, and why it comes first.",
                right=True,
            ),
            Option("A leak.", "It could be one, but there is a simpler explanation."),
        ),
    ),
    Question(
        "Two species differ by the colour of a cap. Which augmentation would hurt?",
        (
            Option("A mirror image", "A bird facing left is the same bird."),
            Option("A random crop that keeps most of the picture", "It keeps the cap in most looks."),
            Option(
                "A large shift of hue",
                "It repaints the very mark that decides, so the label no longer fits the picture.",
                right=True,
            ),
        ),
    ),
    Question(
        "Content hashes find no picture of test in train. Is the split clean?",
        (
            Option(
                "Not proven: a cropped or altered copy has another hash.",
                "Compare what the pictures look like, too.",
                right=True,
            ),
            Option("Yes, a hash is exact.", "It is exact about bytes, and one changed pixel changes them."),
            Option(
                "No, a hash says nothing about a picture.", "It finds every exact copy, and that is much."
            ),
        ),
    ),
    Question(
        "Why is the colour histogram worth your time?",
        (
            Option("It often beats deep networks.", "Rarely; that is not the point."),
            Option(
                "It tells what can be had without looking at shapes.",
                "Whatever a network adds must be measured from there, not from chance.",
                right=True,
            ),
            Option(
                "It needs no test set.",
                "Every claim about accuracy needs pictures that were not learned from.",
            ),
        ),
    ),
)
