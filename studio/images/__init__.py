"""Images: data sets, what is in them, how it is labelled, and its versions."""
