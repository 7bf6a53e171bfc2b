"""What the cells of this lesson may need, by their labels; the course's extra ``frameworks`` asks for the same."""

LIBRARIES = {"Keras": "keras>=3.6,<4", "transformers": "transformers>=5,<6"}
