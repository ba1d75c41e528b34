"""What all encoders share: the contract, and the side data of pictures."""
