"""The door to the rules: showing, comparing and publishing them."""
