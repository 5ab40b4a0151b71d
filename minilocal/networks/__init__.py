"""Networks: layers with their auxiliary classifiers, the VGG configs, and how they are built."""
