"""The experiments of docs/protocol.md that are run once: each a question, a command, and a file that is committed."""
