"""Bad input of every kind: the code and the words that it gets, and that nothing comes of it."""
