"""Drafts of params.yaml and contract.yaml for data that nobody prepared: guesses, each visible in the files."""
