"""Quiz of lesson 8."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "Your model names 90% of test rightly. On the server it names 60% of the same pictures rightly, without an error. "
        "Where do you look first?",
        (
            Option(
                "At what happens to a picture before the model.",
                "Another resize, order of colours or range costs points and raises no error.",
                right=True,
            ),
            Option(
                "At the weights: bytes were damaged on the way.", "A checksum tells; it is rarely the reason."
            ),
            Option("At the processor: it rounds differently.", "In fp32 that changes hardly any answer."),
        ),
    ),
    Question(
        "fp32 and int8 both name 76% of val rightly. Do they give the same answers?",
        (
            Option("Yes: the accuracy is the same.", "They may be right on different pictures."),
            Option(
                "Not necessarily: compare them picture by picture.",
                "Count the pictures on which only one of them is right.",
                right=True,
            ),
            Option("No: int8 is always worse.", "Not always, and often by little."),
        ),
    ),
    Question(
        "Since last week the model's mean confidence has not changed. Is it as good as before?",
        (
            Option(
                "Yes: it would be less sure otherwise.",
                "Section 7: confidence falls more slowly than accuracy, and need not fall at all.",
            ),
            Option("No: every model gets worse.", "Only if what it sees changes."),
            Option(
                "Nobody knows until some new pictures are named by a person.",
                "On pictures unlike those of val nobody promises that confidence fits.",
                right=True,
            ),
        ),
    ),
    Question(
        "Somebody sends you model.pt and says: torch.load(file, weights_only=False). What is the risk?",
        (
            Option("None: it holds numbers.", "It holds a pickle, which is a program."),
            Option(
                "Loading it can run any command on your machine.",
                "Ask for safetensors, or for a state dict that loads with weights_only=True.",
                right=True,
            ),
            Option("The weights may be of another version.", "They may, but that is not the danger."),
        ),
    ),
)
