"""All SQL of the workspace: one module a noun, every function returns domain values."""
