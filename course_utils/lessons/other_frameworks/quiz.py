"""Quiz of lesson 10."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "A model gives names that make no sense. Its weights may be random, or pictures prepared twice. How do you tell?",
        (
            Option("Ask it about another photo.", "The name makes no sense in both cases."),
            Option(
                "Look at what goes into the model, and at what was loaded.",
                "describe_input shows the scale, stays_random what the file did not fill.",
                right=True,
            ),
            Option("Train on: random weights will learn.", "They may, and you still don't know."),
        ),
    ),
    Question(
        "You freeze a backbone in PyTorch with requires_grad_(False), and train the head. After that the backbone answers "
        "otherwise than before. Why?",
        (
            Option(
                "BatchNorm's statistics have moved in train mode.",
                "They are buffers, not parameters. In Keras trainable=False would hold them, too.",
                right=True,
            ),
            Option("The optimiser has moved it all the same.", "Without gradients it does not."),
            Option("The head changes what comes before it.", "Numbers flow from the backbone to the head."),
        ),
    ),
    Question(
        "A state dict from another library loads strictly, without an error. Is it the same model?",
        (
            Option("Yes: all names and shapes agree.", "Padding and epsilon have neither."),
            Option("No: another library rounds otherwise.", "It does, and that is tiny."),
            Option(
                "Not yet known: compare logits on the same picture.",
                "Padding, epsilon and activations have no name in a state dict.",
                right=True,
            ),
        ),
    ),
    Question(
        "You hand Keras' EfficientNetB0 a picture with values from 0 to 1, as you did with PyTorch. What happens?",
        (
            Option(
                "An answer that is nearly the same for all pictures.",
                "Its first layers divide by 255 again, so all that it sees is nearly black.",
                right=True,
            ),
            Option("An error: it expects 0 to 255.", "Numbers are numbers. Nothing checks their range."),
            Option("The right answer: it notices the scale.", "It divides whatever comes."),
        ),
    ),
)
