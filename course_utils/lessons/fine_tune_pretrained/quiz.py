"""Quiz of lesson 4."""

from course_utils.notebook.quiz import Option, Question, Quiz

QUIZ = Quiz(
    Question(
        "You froze a ResNet with `requires_grad = False`. Its val accuracy changes after `model.train()` and a few "
        "forward passes without an optimiser. Why?",
        (
            Option(
                "BatchNorm's running statistics move.",
                "They are buffers, no parameters: train mode moves them, and eval mode uses them.",
                right=True,
            ),
            Option("The head learns.", "Nothing learns without an optimiser's step."),
            Option("Accuracy is random.", "In eval mode the same weights give the same answers."),
        ),
    ),
    Question(
        "Why may features be computed once for the probe, but not for fine-tuning with random crops?",
        (
            Option("The probe is linear.", "True, but not why the features stay the same."),
            Option(
                "Fine-tuning changes both the pixels and the weights.",
                "The probe looks at the same pixels through the same weights every time.",
                right=True,
            ),
            Option("Fine-tuning needs more memory.", "It does, but that is not the reason."),
        ),
    ),
    Question(
        "The probe reaches .95 and fine-tuning .96 on 200 test pictures. Which would you ship?",
        (
            Option("The fine-tuned one: it is better.", "Write down both intervals before you say so."),
            Option(
                "Either, so decide by cost.",
                "The intervals overlap for the most part; a probe trains in seconds, and one backbone serves many.",
                right=True,
            ),
            Option("Neither: 200 pictures prove nothing.", "They prove that both are far above chance."),
        ),
    ),
)
