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
                "weights=ResNet50_Weights.IMAGENET1K_V1",
                "The old argument always meant the first published weights.",
                right=True,
            ),
            Option("weights=None", "That is the definition alone."),
        ),
    ),
    Question(
        "You load weights and forget their transforms. What happens?",
        (
            Option("PyTorch stops with an error.", "The shapes fit, so nothing can notice."),
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
        "What does the hash of a weights file tell you?",
        (
            Option("That the weights are good.", "It says nothing about quality."),
            Option(
                "That the file is, bit for bit, the one that was published.",
                "So a broken or swapped file is refused instead of giving strange answers.",
                right=True,
            ),
            Option("That you may use them commercially.", "Licences say that, not hashes."),
        ),
    ),
)
