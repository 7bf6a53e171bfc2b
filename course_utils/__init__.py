"""Helper code of Borrowed Feathers, a course on pre-defined PyTorch models.

Sub-packages, in the order in which they may import each other: ``runtime`` and ``paths``, ``data``,
``models``, ``metrics``, ``training``, ``experiments``, ``notebook``, ``lessons``, ``cli``. Importing any of them changes
nothing: no seeds, no plot settings, no folders, no network.
"""

__version__ = "0.1.0"
