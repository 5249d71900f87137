"""What training and the runtime share: the model file contract, the pixel grid, skeletons, the zoo."""
