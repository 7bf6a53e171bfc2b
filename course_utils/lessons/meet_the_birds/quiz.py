"""Quiz of lesson 2."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "Your data set has 95 healthy and 5 sick in 100. A model reaches .95. What have you got?",
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
                "Not proven: a saved-again or cropped copy has another hash.",
                "Compare what the pictures look like, too.",
                right=True,
            ),
            Option(
                "Yes, a hash is exact.", "It is exact about bytes. Resaving a picture changes every byte."
            ),
            Option("No, hashes collide often.", "With SHA-256 nobody has ever seen a collision."),
        ),
    ),
    Question(
        "Why is the colour histogram worth twenty minutes of your time?",
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
