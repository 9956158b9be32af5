"""The model and the data as a web service: what it asks for is made of the bundle's contract."""
