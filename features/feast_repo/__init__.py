"""What Feast is told: its configuration, and the definitions generated from the catalogue.

Feast imports every module below this folder when it applies definitions, so it holds nothing else.
"""
