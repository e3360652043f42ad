"""The program in the container: serves one model over HTTP and counts what it sees.

Imports nothing else of ours; `bins` and `chunks` are shared with the client and with analysis. Start it with
`python -m mlops_desktop.serving --bundle DIR (--uds PATH | --host ADDRESS --port N)`.
"""
