"""The rules of docs/protocol.md: each takes the evidence and finds the verdict of one part of a claim."""
