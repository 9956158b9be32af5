"""What the stages share: one module a subject."""
