"""The program that reads a model file without running it; started in a child process with limits by `formats.inspect`.

It imports the standard library only (and PyYAML for an MLmodel file), never unpickles, and answers with one
JSON object.
"""
