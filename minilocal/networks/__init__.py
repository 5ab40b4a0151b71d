"""Networks: a list of layers with its auxiliary classifiers, the VGG configs, and building them."""
