"""MLOps Desktop: a model's whole life, from registration to roll-back, by point and click.

Kept free of imports: the serving program in the container is a sub-package of this one.
"""

__version__ = "0.1.0"
