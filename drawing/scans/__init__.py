"""Draws the bundled scans: synthetic chest radiographs of invented people, for teaching and for no clinical use.

Lengths are in cm, angles in radians. x runs to the patient's left (right in the picture), y to the back, z up; the
middle of the chest is the origin.
"""
