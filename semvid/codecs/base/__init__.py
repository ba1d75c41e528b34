"""What all encoders share: the contract, and what pictures carry beside their samples."""
