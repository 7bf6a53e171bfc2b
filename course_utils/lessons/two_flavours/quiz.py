"""Quiz of lesson 1."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "Old code says `models.resnet50(pretrained=True)`. What is the exact modern form?",
        (
            Option(
                'weights="DEFAULT"',
                "Those are the best weights there are now; the old argument meant the first.",
            ),
            Option(
                "weights=models.ResNet50_Weights.IMAGENET1K_V1",
                "The old argument always meant the first published weights.",
                right=True,
            ),
            Option("weights=None", "That is the definition alone."),
        ),
    ),
    Question(
        "You load weights and prepare pictures with another model's transforms. What usually happens?",
        (
            Option("PyTorch stops with an error.", "The shapes mostly fit, and numbers are numbers."),
            Option(
                "Nothing: the weights adapt.",
                "Weights are fixed numbers; they were made for a certain input.",
            ),
            Option(
                "It answers as always, only worse.",
                "Nothing warns you, which is why the transforms travel with the weights.",
                right=True,
            ),
        ),
    ),
    Question(
        "You swap ReLU for GELU in a definition and load the old state dict. What happens?",
        (
            Option("PyTorch stops with an error.", "It compares names and shapes only, and these are equal."),
            Option(
                "It loads, and the model computes something else.",
                "ReLU and GELU have no weights, so the state dict can't tell the difference.",
                right=True,
            ),
            Option("It loads, and the answers stay the same.", "The numbers are the same, the code is not."),
        ),
    ),
    Question(
        "On a VGG16 you set `model.fc = nn.Linear(4096, 16)`. How many outputs has the model now?",
        (
            Option(
                "1000, as before",
                "VGG16 has no `fc`: PyTorch stores the new layer and the forward pass never calls it.",
                right=True,
            ),
            Option("16", "Look at how VGG16 names its last layer."),
            Option("None: PyTorch stops", "A module takes any new attribute without complaint."),
        ),
    ),
    Question(
        "The hex digits in a weights file's name agree with its hash. What does that tell you?",
        (
            Option("That its makers are honest.", "The digits come from them, too."),
            Option(
                "That the file is whole.",
                "A download that was cut off or damaged is refused instead of giving strange answers.",
                right=True,
            ),
            Option("That you may use it commercially.", "Licences say that, not hashes."),
        ),
    ),
)
